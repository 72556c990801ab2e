//! What does not fit is refused at the edge or where a field first answers wrongly; nothing is broadcast, and no public call
//! panics.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use interflow_core::density::{Density, GaussianMixture, Sampler, StandardNormal};
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Draw, Purpose, Stream};
use interflow_core::{Error as CoreError, Given, Network, Parameters, Space, VectorField};
use interflow_solvers::{
    BrownianPath, DiffusionShape, Divergence, Error, Failures, FieldTerm, Method, Result, Scheme,
    ScoreSource, Sde, SdeConfig, Sensitivity, SolveOptions, Solver, SolverConfig, Term, TrainableFlow,
    WithIntegral, likelihood_gradient, log_density, log_density_bound,
};
use proptest::prelude::*;
use tch::{Kind, Tensor};

use crate::fields::{Linear, points};
use crate::noise::diffusion;

fn solvers() -> [Solver; 2] {
    let fixed = SolverConfig { method: Method::Heun, steps: Some(3), ..SolverConfig::default() };
    [fixed.build().unwrap(), SolverConfig::default().build().unwrap()]
}

/// A field on the plane whose values are those of `f` of the points, right or wrong.
struct Answers<F>(F);

impl<F: Fn(&Tensor) -> Tensor> VectorField for Answers<F> {
    fn dim(&self) -> i64 {
        2
    }
    fn value(&self, _t: &Tensor, x: &Tensor) -> Tensor {
        (self.0)(x)
    }
}

fn is_shape<T>(found: &Result<T>) -> bool {
    matches!(found, Err(Error::Core(CoreError::Shape { .. })))
}

fn is_kind<T>(found: &Result<T>) -> bool {
    matches!(found, Err(Error::Core(CoreError::Kind { .. })))
}

/// Everything that a field serves, with the field as the velocity at `x` under a base of `dim` dimensions.
fn uses(field: &dyn VectorField, x: &Tensor, dim: i64) -> Vec<(String, Result<Tensor>)> {
    let base = StandardNormal { dim };
    let mut found = Vec::new();
    for (i, solver) in solvers().iter().enumerate() {
        found.push((format!("solve {i}"), solver.solve(field, x, 0.0, 1.0).map(|found| found.x)));
        for (name, divergence) in
            [("exact", Divergence::Exact), ("estimated", Divergence::Hutchinson { probes: x.ones_like() })]
        {
            let density = log_density(solver, field, &base, &divergence, x, 1.0);
            found.push((format!("log-density, {name} {i}"), density.map(|found| found.log_density)));
        }
        for sensitivity in [Sensitivity::Direct, Sensitivity::Adjoint] {
            let probes = x.ones_like();
            let flow = TrainableFlow { field, parameters: &Parameters::new(), base: &base, probes: &probes };
            let gradient = likelihood_gradient(solver, &flow, x, sensitivity);
            found.push((format!("gradient, {sensitivity:?} {i}"), gradient.map(|found| found.nll)));
        }
    }
    let noise = diffusion(Interpolant::linear(), dim, DiffusionShape::Regular, 0.5);
    let sde = Sde { velocity: field, score: ScoreSource::Velocity, diffusion: &noise };
    for (scheme, tolerance) in
        [(Scheme::EulerMaruyama, None), (Scheme::Shark, None), (Scheme::Heun, Some(0.1))]
    {
        let solver = SdeConfig { scheme, steps: 4, tolerance }.build().unwrap();
        let path = BrownianPath::new(0, 0);
        found.push((format!("{scheme:?}"), solver.solve(&sde, &path, x, 0.0, 1.0).map(|found| found.x)));
    }
    let solver = SdeConfig { steps: 4, ..SdeConfig::default() }.build().unwrap();
    let bound = log_density_bound(&solver, &sde, &base, &BrownianPath::new(0, 0), x, 1.0);
    found.push(("bound".to_owned(), bound.map(|found| found.log_density)));
    found
}

#[test]
fn values_of_another_shape_or_kind_are_refused() {
    let x = points(&[0.3, -1.0, 2.0, 0.5, 0.1, 0.7], 2);
    for (name, found) in uses(&Answers(|x: &Tensor| x * -1.0), &x, 2) {
        assert!(found.unwrap().isfinite().all().int64_value(&[]) == 1, "{name}");
    }
    for (name, found) in uses(&Answers(|x: &Tensor| x.narrow(1, 0, 1)), &x, 2) {
        assert!(is_shape(&found), "{name}: [B, 1]");
    }
    for (name, found) in uses(&Answers(|x: &Tensor| x.narrow(0, 0, 1)), &x, 2) {
        assert!(is_shape(&found), "{name}: [1, D]");
    }
    for (name, found) in uses(&Answers(|x: &Tensor| x.select(1, 0)), &x, 2) {
        assert!(is_shape(&found), "{name}: [B]");
    }
    for (name, found) in uses(&Answers(|x: &Tensor| x.to_kind(Kind::Double)), &x.to_kind(Kind::Float), 2) {
        assert!(is_kind(&found), "{name}: double for single");
    }
}

#[test]
fn points_of_another_shape_or_kind_are_refused() {
    let field = Linear { rate: -0.5, dim: 2 };
    for bad in
        [points(&[0.0; 4], 1), points(&[0.0; 6], 3), Tensor::zeros([2], (Kind::Double, tch::Device::Cpu))]
    {
        for (name, found) in uses(&field, &bad, 2) {
            assert!(is_shape(&found), "{name}: {:?}", bad.size());
        }
    }
    for (name, found) in uses(&field, &points(&[0.0; 4], 2).to_kind(Kind::Int64), 2) {
        assert!(is_kind(&found), "{name}: whole numbers");
    }
    for (name, found) in uses(&field, &points(&[0.5; 4], 2), 3) {
        // The flow itself has no base.
        assert!(is_shape(&found) || name.starts_with("solve"), "{name}: a base of three dimensions");
    }
}

/// A law on the line, and log-densities that come as a column.
struct Column;

impl Sampler for Column {
    fn dim(&self) -> i64 {
        2
    }
    fn sample(&self, n: i64, draw: &mut Draw, kind: Kind) -> Tensor {
        draw.normal(&[n, 2], kind)
    }
}

impl Density for Column {
    fn log_density(&self, x: &Tensor) -> interflow_core::Result<Tensor> {
        Ok(x.narrow(1, 0, 1) * -1.0)
    }
}

#[test]
fn a_base_that_does_not_answer_with_one_number_for_each_point_is_refused() {
    let (field, x) = (Linear { rate: -0.5, dim: 2 }, points(&[0.5; 4], 2));
    let [solver, _] = solvers();
    assert!(is_shape(&log_density(&solver, &field, &Column, &Divergence::Exact, &x, 1.0)));
    let probes = x.ones_like();
    let flow =
        TrainableFlow { field: &field, parameters: &Parameters::new(), base: &Column, probes: &probes };
    assert!(is_shape(&likelihood_gradient(&solver, &flow, &x, Sensitivity::Direct)));
}

/// A term whose rate has one column.
struct Short;

impl Term for Short {
    fn dim(&self) -> i64 {
        2
    }
    fn rate(&self, _t: &Tensor, y: &Tensor) -> Result<Tensor> {
        Ok(y.narrow(1, 0, 1))
    }
}

#[test]
fn probes_integrands_events_and_terms_that_do_not_fit_are_refused() {
    let (field, x) = (Linear { rate: -0.5, dim: 2 }, points(&[0.5; 6], 2));
    for solver in solvers() {
        let estimated = |probes: Tensor| {
            solver.solve_with_divergence(&field, &Divergence::Hutchinson { probes }, &x, 0.0, 1.0)
        };
        assert!(is_shape(&estimated(x.narrow(0, 0, 1))));
        assert!(is_kind(&estimated(x.to_kind(Kind::Float))));
        let integrate = |integrand: &interflow_solvers::Integrand<'_>| {
            let term = WithIntegral::new(FieldTerm::new(&field), integrand);
            solver.integrate(&term, &x, 0.0, 1.0, &SolveOptions::default())
        };
        assert!(integrate(&|_, y, _| y.select(1, 0)).is_ok());
        assert!(is_shape(&integrate(&|_, y, _| y.narrow(1, 0, 1))));
        assert!(is_shape(&integrate(&|_, y, _| y.sum(None))));
        let event = |_t: &Tensor, y: &Tensor| y.sum(None);
        let options = SolveOptions { events: &[&event], failures: Failures::Keep, ..SolveOptions::default() };
        assert!(is_shape(&solver.integrate(&FieldTerm::new(&field), &x, 0.0, 1.0, &options)));
    }
    for solver in solvers() {
        assert!(is_shape(&solver.integrate(&Short, &x, 0.0, 1.0, &SolveOptions::default())));
    }
}

/// A network in single precision.
struct Weighing(Parameters);

impl Weighing {
    fn new() -> Self {
        let mut parameters = Parameters::new();
        let weight = Stream::new(2, Purpose::Test).at(0).normal(&[2, 2], Kind::Float);
        let _ = parameters.add("weight", &weight);
        Self(parameters)
    }
}

impl Network for Weighing {
    fn space(&self) -> Space {
        Space::from(2)
    }
    fn parameters(&self) -> &Parameters {
        &self.0
    }
    fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.0
    }
    fn value(&self, _t: &Tensor, x: &Tensor, _given: &Given) -> Tensor {
        x.matmul(&self.0.tensors()[0]).tanh()
    }
    fn duplicate(&self) -> interflow_core::Result<Box<dyn Network>> {
        Ok(Box::new(Self::new()))
    }
}

#[test]
fn a_network_in_single_precision_refuses_points_in_double() {
    let (network, x) = (Weighing::new(), points(&[0.5; 6], 2));
    let field = (&network as &dyn Network).at(&Given::Nothing);
    for (name, found) in uses(&field, &x, 2) {
        assert!(is_kind(&found), "{name}");
    }
    for (name, found) in uses(&field, &x.to_kind(Kind::Float), 2) {
        assert!(found.unwrap().isfinite().all().int64_value(&[]) == 1, "{name}");
    }
}

/// A field may be constant, and its derivatives are zero: the density is that of the moved base.
#[test]
fn a_field_without_a_graph_has_a_density() {
    let x = points(&[0.3, -1.0, 2.0, 0.5, 0.1, 0.7], 2);
    let exact = StandardNormal { dim: 2 }.log_density(&(&x - 1.5)).unwrap();
    let still = StandardNormal { dim: 2 }.log_density(&x).unwrap();
    let away = Answers(|x: &Tensor| x.full_like(1.5));
    let unrecorded = Answers(|x: &Tensor| tch::no_grad(|| x * 0.0));
    for (field, exact) in [(&away as &dyn VectorField, exact), (&unrecorded, still)] {
        for (name, found) in uses(field, &x, 2) {
            let found = found.unwrap();
            if name.starts_with("log-density") {
                assert!((found - &exact).abs().max().double_value(&[]) < 1e-12, "{name}");
            } else if name.starts_with("gradient") {
                let mean = exact.mean(Kind::Double).double_value(&[]);
                assert!((found.double_value(&[]) + mean).abs() < 1e-12, "{name}");
            }
        }
    }
}

/// Times beyond a path's ends are no times of its fields: the solve says when it met them.
#[test]
fn an_exact_path_beyond_its_end_is_an_error() {
    use interflow_core::density::MixturePath;
    use interflow_core::interpolant::{Gamma, Linear as Line};
    let law = |mean: f64| GaussianMixture::spherical(&points(&[mean, 0.0], 2), 0.5).unwrap();
    let bridge = Interpolant::new(Line, Some(Gamma::Brownian { strength: 1.0 }));
    let path = MixturePath::new(&law(0.0), &law(1.0), bridge).unwrap();
    for solver in solvers() {
        let found = solver.solve(&path.velocity(), &points(&[0.5; 6], 2), 0.5, 9.0);
        assert!(matches!(found, Err(Error::NonFinite { .. } | Error::StepTooSmall { .. })), "{found:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the shapes, kinds and dimensions: an error, or finite numbers, one for each row.
    #[test]
    fn every_use_of_a_field_is_an_error_or_right(
        shape in prop::collection::vec(0i64..4, 0..4), plane: bool, kind in 0usize..3, dim in 1i64..4,
    ) {
        let shape = if plane { vec![shape.first().copied().unwrap_or(3), 2] } else { shape };
        let x = Stream::new(1, Purpose::Test).at(0).normal(&shape, Kind::Double);
        let x = x.to_kind([Kind::Double, Kind::Float, Kind::Int64][kind]);
        for (name, found) in uses(&Linear { rate: -0.5, dim: 2 }, &x, dim) {
            if let Ok(found) = found {
                let rows = if name.starts_with("gradient") { vec![] } else { vec![shape[0]] };
                prop_assert_eq!(&found.size()[..rows.len()], &rows[..]);
                prop_assert!(shape[1..] == [2] && found.isfinite().all().int64_value(&[]) == 1, "{}", name);
            }
        }
    }
}

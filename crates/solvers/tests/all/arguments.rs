//! Nobody's tensor is written into: not the caller's, whatever the field makes of it, and not one that a field keeps.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use std::sync::Arc;

use interflow_core::density::StandardNormal;
use interflow_core::interpolant::Interpolant;
use interflow_core::{Parameters, VectorField};
use interflow_solvers::{
    BrownianPath, DiffusionShape, Divergence, Event, Failures, FieldTerm, Method, PiController, Scheme,
    ScoreSource, Sde, SdeConfig, Sensitivity, Shared, SolveOptions, Solver, SolverConfig, Stepping,
    TrainableFlow, WithIntegral, likelihood_gradient, log_density, log_density_bound,
};
use tch::Tensor;

use crate::fields::points;
use crate::noise::diffusion;

/// Fields whose values are somebody's tensor.
#[derive(Debug)]
enum Lent {
    /// `x' = x`: the argument itself.
    Argument,
    /// `x' = x`: a view of the argument.
    View,
    /// A constant rate: a tensor that the field keeps, of three rows.
    Kept(Tensor),
    /// The same, as a view of a longer one.
    KeptView(Tensor),
}

impl VectorField for Lent {
    fn dim(&self) -> i64 {
        2
    }

    fn value(&self, _t: &Tensor, x: &Tensor) -> Tensor {
        match self {
            Self::Argument => x.shallow_clone(),
            Self::View => x.view([-1, 2]).narrow(0, 0, x.size()[0]),
            Self::Kept(rate) => rate.shallow_clone(),
            Self::KeptView(rates) => rates.narrow(0, 1, 3),
        }
    }

    fn for_rows(&self, rows: &Tensor) -> Option<Box<dyn VectorField + '_>> {
        match self {
            Self::Argument | Self::View => None,
            Self::Kept(rate) => Some(Box::new(Few(rate.index_select(0, rows)))),
            Self::KeptView(rates) => Some(Box::new(Few(rates.narrow(0, 1, 3).index_select(0, rows)))),
        }
    }
}

/// The kept rates of some rows.
struct Few(Tensor);

impl VectorField for Few {
    fn dim(&self) -> i64 {
        2
    }
    fn value(&self, _t: &Tensor, _x: &Tensor) -> Tensor {
        self.0.shallow_clone()
    }
}

const RATES: [f64; 8] = [9.0, 9.0, 1.0, -2.0, 0.5, 0.0, 3.0, 0.1];

fn lent() -> [Lent; 4] {
    let rates = points(&RATES, 2);
    [Lent::Argument, Lent::View, Lent::Kept(rates.narrow(0, 1, 3).copy()), Lent::KeptView(rates)]
}

/// What a field keeps.
fn kept(field: &Lent) -> Option<Tensor> {
    match field {
        Lent::Argument | Lent::View => None,
        Lent::Kept(rate) => Some(rate.shallow_clone()),
        Lent::KeptView(rates) => Some(rates.shallow_clone()),
    }
}

fn starts() -> Tensor {
    points(&[0.6, -0.3, 150.0, 0.2, 0.0, 1.0], 2)
}

/// Where the field leads in a time of 1.
fn exact(field: &Lent) -> Tensor {
    match field {
        Lent::Argument | Lent::View => starts() * 1f64.exp(),
        Lent::Kept(_) | Lent::KeptView(_) => starts() + points(&RATES, 2).narrow(0, 1, 3),
    }
}

/// Runs `solve` on points of the caller's and holds points and field to what they were, bit for bit.
fn unchanged(name: &str, field: &Lent, solve: impl FnOnce(&Tensor)) {
    let (x, own) = (starts(), kept(field).map(|own| own.copy()));
    solve(&x);
    assert!(x.equal(&starts()), "{name}, {field:?}: the caller's points were overwritten");
    assert_eq!(kept(field), own, "{name}: the field's tensor was overwritten");
}

/// Every method in every way to place its steps: fixed, by each row's error, and by the batch's.
fn solvers() -> Vec<(String, Solver)> {
    use Method::{Bosh3, Dopri5, Euler, Heun, Midpoint, Rk4, Tsit5};
    let fixed = [Euler, Midpoint, Heun, Rk4, Bosh3, Dopri5, Tsit5].map(|method| {
        let steps = Some(if method == Euler { 4000 } else { 200 });
        let config = SolverConfig { method, steps, ..SolverConfig::default() };
        (format!("{method:?}, fixed"), config.build().unwrap())
    });
    let by_rows = [Bosh3, Dopri5, Tsit5].map(|method| {
        let config = SolverConfig { method, rtol: 1e-7, atol: 1e-7, ..SolverConfig::default() };
        (format!("{method:?}, by rows"), config.build().unwrap())
    });
    let shared = [Bosh3, Dopri5, Tsit5].map(|method| {
        let tableau = method.tableau();
        let controller = Arc::new(Shared(Arc::new(PiController::new(1e-7, 1e-7, tableau.order()))));
        let stepping = Stepping::Adaptive { controller, max_steps: 10_000 };
        (format!("{method:?}, shared"), Solver::new(tableau, stepping).unwrap())
    });
    fixed.into_iter().chain(by_rows).chain(shared).collect()
}

#[test]
fn ordinary_solves_leave_arguments_alone() {
    let event: &dyn Event = &|_t: &Tensor, y: &Tensor| y.select(1, 1) - 2.0;
    let speed = |_t: &Tensor, _y: &Tensor, rate: &Tensor| rate.select(1, 0);
    for (name, solver) in solvers() {
        for field in lent() {
            unchanged(&name, &field, |x| {
                let found = solver.solve(&field, x, 0.0, 1.0).unwrap().x;
                let exact = exact(&field);
                let off = ((found - &exact) / (exact.abs() + 1.0)).abs().max().double_value(&[]);
                assert!(off < 1e-3, "{name}, {field:?}: {off}");
                let _ = solver.solve(&field, x, 1.0, 0.0).unwrap();
            });
            unchanged(&name, &field, |x| {
                let (saved, _) = solver.solve_saving(&field, x, &[0.0, 0.3, 1.0]).unwrap();
                assert!(saved[0].equal(&starts()), "{name}, {field:?}");
                // What is handed out belongs to the caller, who may write into it.
                let still = solver.solve(&field, x, 0.5, 0.5).unwrap().x;
                for mut own in saved.into_iter().chain([still]) {
                    let _ = own.fill_(7.0);
                }
            });
            unchanged(&name, &field, |x| {
                let term = WithIntegral::new(FieldTerm::new(&field), &speed);
                let options =
                    SolveOptions { save_at: &[0.0, 0.5, 1.0], events: &[event], failures: Failures::Keep };
                let _ = solver.integrate(&term, x, 0.0, 1.0, &options).unwrap();
            });
        }
    }
}

#[test]
fn likelihoods_and_their_gradients_leave_arguments_alone() {
    let base = StandardNormal { dim: 2 };
    let probes = points(&[1.0, -1.0, 1.0, 1.0, -1.0, 1.0], 2);
    for (name, solver) in solvers().into_iter().filter(|(name, _)| !name.starts_with("Euler")) {
        for field in lent() {
            for divergence in [Divergence::Exact, Divergence::Hutchinson { probes: probes.copy() }] {
                unchanged(&name, &field, |x| {
                    let found = log_density(&solver, &field, &base, &divergence, x, 1.0).unwrap();
                    assert_eq!(found.log_density.size(), [3]);
                });
            }
        }
    }
    let solver = SolverConfig::default().build().unwrap();
    let parameters = Parameters::new();
    for sensitivity in [Sensitivity::Direct, Sensitivity::Adjoint] {
        for field in [Lent::Argument, Lent::View, Lent::Kept(points(&RATES, 2).narrow(0, 1, 3).copy())] {
            unchanged("a gradient", &field, |x| {
                let flow =
                    TrainableFlow { field: &field, parameters: &parameters, base: &base, probes: &probes };
                let found = likelihood_gradient(&solver, &flow, x, sensitivity).unwrap();
                assert!(found.nll.double_value(&[]).is_finite());
            });
        }
    }
    assert!(probes.equal(&points(&[1.0, -1.0, 1.0, 1.0, -1.0, 1.0], 2)));
}

#[test]
fn stochastic_solves_leave_arguments_alone() {
    let noise = diffusion(Interpolant::linear(), 2, DiffusionShape::Regular, 0.5);
    let base = StandardNormal { dim: 2 };
    for field in lent() {
        for score in [ScoreSource::Velocity, ScoreSource::Field(&field)] {
            let sde = Sde { velocity: &field, score, diffusion: &noise };
            for scheme in [Scheme::EulerMaruyama, Scheme::Heun, Scheme::Shark] {
                for (tolerance, times) in [(None, (0.0, 1.0)), (None, (0.9, 0.1)), (Some(0.5), (0.0, 1.0))] {
                    let config = SdeConfig { scheme, steps: 16, tolerance };
                    let Ok(solver) = config.build() else { continue };
                    unchanged(&format!("{scheme:?}, {tolerance:?}"), &field, |x| {
                        let found =
                            solver.solve(&sde, &BrownianPath::new(0, 0), x, times.0, times.1).unwrap().x;
                        assert_eq!(found.size(), [3, 2]);
                    });
                }
            }
            let solver = SdeConfig { steps: 16, ..SdeConfig::default() }.build().unwrap();
            unchanged("a bound", &field, |x| {
                let path = BrownianPath::new(0, 0);
                let _ = log_density_bound(&solver, &sde, &base, &path, x, 1.0).unwrap();
            });
        }
    }
}

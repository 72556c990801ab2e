//! The likelihood's gradient: direct backpropagation, the adjoint equation and finite differences agree.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use std::sync::Arc;

use interflow_core::density::StandardNormal;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Parameters, VectorField};
use interflow_solvers::{
    Divergence, LikelihoodGradient, Method, PiController, Sensitivity, Solver, SolverConfig, Stepping,
    Tableau, TrainableFlow, likelihood_gradient, log_density,
};
use tch::{Kind, Tensor};

const DIM: i64 = 3;
const BATCH: i64 = 5;

/// `v = B tanh(A (x, t) + a)`.
struct Tiny {
    parameters: Parameters,
}

impl Tiny {
    fn new() -> Self {
        let mut parameters = Parameters::new();
        let mut draw = Stream::new(2, Purpose::Init).at(0);
        for (name, shape) in [("inner", vec![7, DIM + 1]), ("bias", vec![7]), ("outer", vec![DIM, 7])] {
            let _ = parameters.add(name, &(draw.normal(&shape, Kind::Double) * 0.6));
        }
        Self { parameters }
    }

    /// The network with one number of one parameter moved.
    fn moved(&self, parameter: usize, index: i64, by: f64) -> Self {
        let mut parameters = Parameters::new();
        for (i, (name, value)) in self.parameters.detached_copy().into_iter().enumerate() {
            if i == parameter {
                let _ = value.view(-1).get(index).g_add_scalar_(by);
            }
            let _ = parameters.add(name, &value);
        }
        Self { parameters }
    }
}

impl VectorField for Tiny {
    fn dim(&self) -> i64 {
        DIM
    }

    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let weights = self.parameters.tensors();
        let h = Tensor::cat(&[x, &t.unsqueeze(1)], 1).linear(&weights[0], Some(&weights[1])).tanh();
        h.linear::<&Tensor>(&weights[2], None)
    }
}

fn points() -> (Tensor, Tensor) {
    let x = Stream::new(3, Purpose::Test).normal_rows(0, BATCH, DIM, Kind::Double) * 1.5;
    (x, Stream::new(3, Purpose::Probe).sign_rows(0, BATCH, DIM, Kind::Double))
}

fn fixed(method: Method, steps: u32) -> Solver {
    SolverConfig { method, steps: Some(steps), ..SolverConfig::default() }.build().unwrap()
}

fn adaptive(tolerance: f64) -> Solver {
    SolverConfig { rtol: tolerance, atol: tolerance, ..SolverConfig::default() }.build().unwrap()
}

fn gradient(solver: &Solver, network: &Tiny, sensitivity: Sensitivity) -> LikelihoodGradient {
    let (x, probes) = points();
    let base = StandardNormal { dim: DIM };
    let flow =
        TrainableFlow { field: network, parameters: &network.parameters, base: &base, probes: &probes };
    likelihood_gradient(solver, &flow, &x, sensitivity).unwrap()
}

/// The largest difference of two gradients.
fn apart(a: &[Tensor], b: &[Tensor]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs().max().double_value(&[])).fold(0.0, f64::max)
}

#[test]
fn the_number_is_the_likelihood_of_the_other_driver() {
    let (x, probes) = points();
    let found = gradient(&adaptive(1e-9), &Tiny::new(), Sensitivity::Adjoint).nll.double_value(&[]);
    let divergence = Divergence::Hutchinson { probes };
    let base = StandardNormal { dim: DIM };
    let expected = log_density(&adaptive(1e-9), &Tiny::new(), &base, &divergence, &x, 1.0).unwrap();
    let expected = -expected.log_density.mean(Kind::Double).double_value(&[]);
    assert!((found - expected).abs() < 1e-7, "expected {expected}, found {found}");
}

#[test]
fn direct_backpropagation_is_the_exact_gradient_of_the_computed_number() {
    let network = Tiny::new();
    for solver in [fixed(Method::Euler, 7), fixed(Method::Rk4, 4), fixed(Method::Dopri5, 3)] {
        let direct = gradient(&solver, &network, Sensitivity::Direct);
        for (parameter, part) in direct.gradient.iter().enumerate() {
            for index in [0, part.numel() as i64 / 2, part.numel() as i64 - 1] {
                let at = |by| {
                    let moved = network.moved(parameter, index, by);
                    gradient(&solver, &moved, Sensitivity::Direct).nll.double_value(&[])
                };
                let step = 1e-5;
                let expected = (at(step) - at(-step)) / (2.0 * step);
                let found = part.view(-1).double_value(&[index]);
                assert!((found - expected).abs() < 1e-8, "expected {expected}, found {found}");
            }
        }
    }
}

#[test]
fn the_adjoint_equation_gives_the_same_gradient_up_to_its_tolerance() {
    let network = Tiny::new();
    let direct = gradient(&adaptive(1e-11), &network, Sensitivity::Direct);
    let largest = direct.gradient.iter().map(|g| g.abs().max().double_value(&[])).fold(0.0, f64::max);
    assert!(largest > 0.05, "a trivial case");
    let error = |tolerance| {
        apart(&gradient(&adaptive(tolerance), &network, Sensitivity::Adjoint).gradient, &direct.gradient)
    };
    let (loose, tight) = (error(1e-5), error(1e-10));
    assert!(loose < 1e-4, "{loose}");
    assert!(tight < 1e-9, "{tight}");
}

/// A pair whose last stage is no first one: every step computes its first stage anew.
#[test]
fn a_method_that_reuses_no_stage_has_the_same_gradient() {
    let heun = Tableau::new(2, &[0.0, 1.0], &[&[], &[1.0]], &[0.5, 0.5]).unwrap();
    let controller = Arc::new(PiController::new(1e-6, 1e-6, 2));
    let stepping = Stepping::Adaptive { controller, max_steps: 10_000 };
    let solver = Solver::new(heun.with_error_estimate(&[-0.5, 0.5]).unwrap(), stepping).unwrap();
    let network = Tiny::new();
    let exact = gradient(&adaptive(1e-10), &network, Sensitivity::Direct).gradient;
    for sensitivity in [Sensitivity::Direct, Sensitivity::Adjoint] {
        let off = apart(&gradient(&solver, &network, sensitivity).gradient, &exact);
        assert!(off < 1e-4, "{sensitivity:?}: {off}");
    }
}

#[test]
fn costs_are_counted() {
    let found = gradient(&fixed(Method::Rk4, 4), &Tiny::new(), Sensitivity::Direct);
    assert_eq!((found.forward.nfe, found.backward.nfe), (16, 16));
    let found = gradient(&adaptive(1e-6), &Tiny::new(), Sensitivity::Adjoint);
    assert_eq!(found.backward.nfe, 2 + 6 * (found.backward.accepted_steps + found.backward.rejected_steps));
}

/// A value that depends on no weight, a weight that matters to nothing, and a value that has no graph at all.
#[test]
fn what_the_likelihood_does_not_depend_on_has_the_gradient_zero() {
    struct Partly(Parameters);
    impl VectorField for Partly {
        fn dim(&self) -> i64 {
            DIM
        }
        fn value(&self, _t: &Tensor, x: &Tensor) -> Tensor {
            x * &self.0.tensors()[0]
        }
    }
    struct Still;
    impl VectorField for Still {
        fn dim(&self) -> i64 {
            DIM
        }
        fn value(&self, _t: &Tensor, x: &Tensor) -> Tensor {
            x.ones_like()
        }
    }
    let mut parameters = Parameters::new();
    let _ = parameters.add("used", &Tensor::from_slice(&[0.3, -0.2, 0.1]));
    let _ = parameters.add("unused", &Tensor::from_slice(&[1.0, 2.0]));
    let (x, probes) = points();
    let base = StandardNormal { dim: DIM };
    let partly = Partly(parameters);
    for solver in [fixed(Method::Rk4, 4), adaptive(1e-5)] {
        for sensitivity in [Sensitivity::Direct, Sensitivity::Adjoint] {
            for (field, moves) in [(&partly as &dyn VectorField, true), (&Still, false)] {
                let flow = TrainableFlow { field, parameters: &partly.0, base: &base, probes: &probes };
                let found = likelihood_gradient(&solver, &flow, &x, sensitivity).unwrap().gradient;
                assert_eq!(found.iter().map(Tensor::size).collect::<Vec<_>>(), [[3], [2]]);
                assert_eq!(found[0].abs().max().double_value(&[]) > 0.01, moves);
                assert!(found[1].abs().max().double_value(&[]) <= 0.0);
            }
        }
    }
}

//! The likelihood's gradient: direct backpropagation, the adjoint equation and finite differences agree.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use interflow_core::density::StandardNormal;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Network, Parameters, Result, VectorField};
use interflow_solvers::{
    Divergence, LikelihoodGradient, Method, Sensitivity, Solver, SolverConfig, likelihood_gradient,
    log_density,
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

impl Network for Tiny {
    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    fn duplicate(&self) -> Result<Box<dyn Network>> {
        Ok(Box::new(self.moved(0, 0, 0.0)))
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
    likelihood_gradient(solver, network, &base, &probes, &x, sensitivity).unwrap()
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

#[test]
fn costs_are_counted() {
    let found = gradient(&fixed(Method::Rk4, 4), &Tiny::new(), Sensitivity::Direct);
    assert_eq!((found.forward.nfe, found.backward.nfe), (16, 16));
    let found = gradient(&adaptive(1e-6), &Tiny::new(), Sensitivity::Adjoint);
    assert_eq!(found.backward.nfe, 2 + 6 * (found.backward.accepted_steps + found.backward.rejected_steps));
}

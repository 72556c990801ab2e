//! Derivatives of what depends on nothing are zero: no backward pass on a value without a graph.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use interflow_core::backward::{Graph, gradient, gradients};
use interflow_core::conversion::Conversion;
use interflow_core::density::StandardNormal;
use interflow_core::guidance::{MeanLikelihood, Observation, Observed};
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Error, VectorField, Velocity};
use tch::{Kind, Tensor};

fn normal(index: u64, shape: &[i64]) -> Tensor {
    Stream::new(3, Purpose::Test).at(index).normal(shape, Kind::Double)
}

fn is_zero(x: &Tensor) -> bool {
    x.abs().max().double_value(&[]) <= 0.0
}

/// The ways in which a value may not depend on x.
#[derive(Debug, Clone, Copy)]
enum Apart {
    /// It is computed from other numbers.
    Constant,
    /// It is computed from x while gradients are not recorded.
    Unrecorded,
    /// It is computed from x, and detached.
    Detached,
    /// It has a graph, which leads to a weight only.
    WeightOnly,
}

const APART: [Apart; 4] = [Apart::Constant, Apart::Unrecorded, Apart::Detached, Apart::WeightOnly];

impl VectorField for Apart {
    fn dim(&self) -> i64 {
        2
    }

    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        match self {
            Self::Constant => x.full_like(1.5),
            Self::Unrecorded => tch::no_grad(|| x.square() + t.unsqueeze(1)),
            Self::Detached => x.square().detach(),
            Self::WeightOnly => x.zeros_like() + Tensor::from_slice(&[0.5, 1.0]).set_requires_grad(true),
        }
    }
}

#[test]
fn a_field_that_does_not_depend_on_x_has_no_derivative() {
    let (t, x, u) = (normal(0, &[3]), normal(1, &[3, 2]), normal(2, &[3, 2]));
    for field in APART {
        let (value, form) = field.value_and_quadratic_form(&t, &x, &u);
        assert!(value.equal(&field.value(&t, &x).detach()), "{field:?}");
        assert!(form.size() == [3] && is_zero(&form), "{field:?}");
        let (value, divergence) = field.value_and_divergence(&t, &x);
        assert!(value.equal(&field.value(&t, &x).detach()), "{field:?}");
        assert!(divergence.size() == [3] && is_zero(&divergence), "{field:?}");
    }
}

#[test]
fn gradients_are_zero_where_nothing_depends_on_the_input_and_right_elsewhere() {
    let leaf = |index| normal(index, &[2]).set_requires_grad(true);
    let (a, b) = (leaf(0), leaf(1));
    let value = a.square().sum(Kind::Double);
    let found = gradients("a test", &value, &[a.shallow_clone(), b.shallow_clone()], Graph::Kept).unwrap();
    assert!(found[0].equal(&(a.detach() * 2.0)) && found[1].size() == [2] && is_zero(&found[1]));
    assert!(is_zero(&gradient("a test", &value.detach(), &a, Graph::Freed).unwrap()));
    assert!(gradients("a test", &value, &[], Graph::Kept).unwrap().is_empty());
    assert!(!b.grad().defined() && !a.grad().defined(), "nothing is gathered in leaves");
    // A recorded pass can be differentiated: the second derivative of a² is 2.
    let cube = (&a * &a * &a).sum(Kind::Double);
    let first = gradient("a test", &cube, &a, Graph::Recorded).unwrap();
    let second = gradient("a test", &first.sum(Kind::Double), &a, Graph::Freed).unwrap();
    assert!((second - a.detach() * 6.0).abs().max().double_value(&[]) < 1e-12);
    // What records no gradients has an unknown one, not zero.
    let refused = gradient("a test", &value, &normal(4, &[2]), Graph::Freed);
    assert!(matches!(refused, Err(Error::Torch { operation: "a test", .. })));
}

/// A likelihood that says nothing of the point.
#[derive(Clone)]
struct Indifferent;

impl MeanLikelihood for Indifferent {
    fn log_mean(&self, _mean: &Tensor, variance: &Tensor) -> Tensor {
        variance.squeeze_dim(1).zeros_like()
    }
}

#[test]
fn an_observation_that_says_nothing_leaves_the_velocity_alone() {
    let conversion = Conversion::new(Interpolant::linear(), StandardNormal { dim: 2 }).unwrap();
    let (t, x) = (Tensor::from_slice(&[0.0, 0.4, 1.0]), normal(1, &[3, 2]));
    for field in APART {
        let own = field.value(&t, &x).detach();
        let nothing = conversion.guided(Velocity(field), Observed(Vec::new())).unwrap();
        assert!(nothing.value(&t, &x).equal(&own), "{field:?}");
        assert!(is_zero(&nothing.value_and_divergence(&t, &x).1), "{field:?}");
        let indifferent = conversion.guided(Velocity(field), Indifferent).unwrap();
        assert!(indifferent.value(&t, &x).equal(&own), "{field:?}");
        // The mean of x1 still depends on x by the path, and so does an observation.
        let seen = Observed(vec![Observation { coordinate: 0, value: 3.0, std: 0.1 }]);
        let guided = conversion.guided(Velocity(field), seen).unwrap();
        assert!(guided.value(&t, &x).isfinite().all().int64_value(&[]) == 1, "{field:?}");
    }
}

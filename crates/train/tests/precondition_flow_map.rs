//! The preconditioned network as a flow map: its Gaussian part is the exact map, and its tangents are derivatives.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod support;

use std::sync::Arc;

use interflow_core::backward::{Graph, gradients};
use interflow_core::density::Gaussian;
use interflow_core::flow_map::{Average, Direction, Jump};
use interflow_core::interpolant::{Gamma, Interpolant, Linear};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Fresh;
use interflow_core::tch::{self, Device, Kind, Tensor};
use interflow_core::{Given, Network};
use interflow_models::{FlowMapConfig, Mlp, MlpConfig};
use interflow_train::{
    FlowMapMatching, FlowMapMatchingConfig, GaussianResidual, MapCondition, Objective, PrincipalAxes, Problem,
};
use support::{normals, short, train_with};

const N: i64 = 40;
const OPTIONS: (Kind, Device) = (Kind::Double, Device::Cpu);
const INTERPOLANTS: [fn() -> Interpolant; 3] =
    [Interpolant::trigonometric, Interpolant::linear, || Interpolant::new(Linear, Some(Gamma::Quadratic))];

fn moments() -> (Tensor, Tensor) {
    let covariance = [1.0, 0.6, 0.0, 0.6, 0.5, 0.05, 0.0, 0.05, 0.03];
    (Tensor::from_slice(&[0.5, -1.0, 2.0]), Tensor::from_slice(&covariance).view([3, 3]))
}

/// A flow map whose output starts at zero.
fn perceptron() -> Mlp {
    let flow_map = Some(FlowMapConfig { divergence_width: Some(4) });
    let config = MlpConfig { flow_map, ..MlpConfig::new(vec![6, 5]) };
    config.init(3, &mut Stream::new(5, Purpose::Init).at(0), OPTIONS).unwrap()
}

/// One whose weights are all different from zero.
fn moved() -> Mlp {
    let mut network = perceptron();
    let mut draw = Stream::new(6, Purpose::Init).at(0);
    let weights = network.parameters().detached_copy();
    let weights: Vec<_> = weights
        .into_iter()
        .map(|(name, weight)| (name, draw.normal(&weight.size(), Kind::Double) * 0.5))
        .collect();
    network.parameters_mut().assign(&weights).unwrap();
    network
}

fn preconditioned(network: Mlp, interpolant: Interpolant) -> GaussianResidual {
    let (mean, covariance) = moments();
    let axes = PrincipalAxes::of(&mean, &covariance).unwrap();
    GaussianResidual::new(Box::new(network), interpolant, &axes).unwrap()
}

/// Times of start and landing, points and directions; some jumps have no length, some are over the whole path.
struct Batch {
    from: Tensor,
    to: Tensor,
    x: Tensor,
    u: Tensor,
}

impl Batch {
    fn new((low, high): (f64, f64)) -> Self {
        let mut draw = Stream::new(2, Purpose::Test).at(0);
        let mut times = || draw.uniform(&[N], Kind::Double) * (high - low) + low;
        let (from, to) = (times(), times());
        to.narrow(0, 0, 5).copy_(&from.narrow(0, 0, 5));
        let _ = from.narrow(0, 5, 2).fill_(low);
        let _ = to.narrow(0, 6, 2).fill_(high);
        let [x, u] = [(); 2].map(|()| draw.normal(&[N, 3], Kind::Double));
        Self { from, to, x, u }
    }

    fn jump(&self) -> Jump<'_> {
        Jump { from: &self.from, to: &self.to, x: &self.x, given: &Given::Nothing }
    }

    fn directions(&self) -> [(&'static str, Direction<'_>); 3] {
        [("to", Direction::To), ("along", Direction::Along(&self.u)), ("state", Direction::State(&self.u))]
    }
}

fn check(name: &str, found: &Tensor, expected: &Tensor, tolerance: f64) {
    assert_eq!(found.size(), expected.size(), "{name}");
    let gap: Tensor = (found - expected).abs() / (1.0 + expected.abs());
    let gap = gap.max().double_value(&[]);
    assert!(gap < tolerance, "{name}: {gap}");
}

/// The covariance of the path's point at a time.
fn covariance_at(interpolant: &Interpolant, t: f64) -> (f64, Tensor) {
    let c = interpolant.coefficients(&Tensor::from_slice(&[t]));
    let number = |x: &Tensor| x.double_value(&[0]);
    let gamma = c.latent.as_ref().map_or(0.0, |latent| number(&latent.gamma));
    let (alpha, beta) = (number(&c.schedule.alpha), number(&c.schedule.beta));
    (beta, Tensor::eye(3, OPTIONS) * (alpha * alpha + gamma * gamma) + moments().1 * (beta * beta))
}

/// A power of a symmetric matrix.
fn power(matrix: &Tensor, exponent: f64) -> Tensor {
    let (values, vectors) = matrix.linalg_eigh("L");
    (&vectors * values.pow_tensor_scalar(exponent)).matmul(&vectors.tr())
}

/// `X = β_t m + S_t^{1/2} S_s^{-1/2} (x − β_s m)`, whose log-determinant is half that of the covariances.
#[test]
fn a_network_that_says_nothing_jumps_as_the_gaussian() {
    for interpolant in INTERPOLANTS {
        let network = preconditioned(perceptron(), interpolant());
        let interpolant = interpolant();
        let batch = Batch::new((0.0, 1.0));
        let found = network.flow_map().unwrap().average(&batch.jump());
        let (landing, fall) = (found.landing(&batch.jump()), found.fall(&batch.jump()).unwrap());
        for row in 0..N {
            let [s, t] = [&batch.from, &batch.to].map(|t| t.double_value(&[row]));
            let ((beta_s, of_s), (beta_t, of_t)) =
                (covariance_at(&interpolant, s), covariance_at(&interpolant, t));
            let root = power(&of_t, 0.5).matmul(&power(&of_s, -0.5));
            let mean = moments().0;
            let expected = root.mv(&(batch.x.get(row) - &mean * beta_s)) + mean * beta_t;
            check("landing", &landing.get(row), &expected, 1e-7);
            let expected = (of_t.slogdet().1 - of_s.slogdet().1) * 0.5;
            check("fall", &fall.get(row), &expected, 1e-10);
        }
    }
}

#[test]
fn the_diagonal_is_the_velocity() {
    for interpolant in INTERPOLANTS {
        let network = preconditioned(moved(), interpolant());
        let batch = Batch::new((0.0, 1.0));
        let jump = Jump { to: &batch.from, ..batch.jump() };
        let found = network.flow_map().unwrap().average(&jump);
        let velocity = network.value(&batch.from, &batch.x, &Given::Nothing);
        check("velocity", &found.velocity, &velocity, 1e-10);
    }
}

#[test]
fn tangents_are_derivatives() {
    const H: f64 = 1e-5;
    for interpolant in INTERPOLANTS {
        let network = preconditioned(moved(), interpolant());
        let map = network.flow_map().unwrap();
        let batch = Batch::new((0.1, 0.9));
        for (name, direction) in batch.directions() {
            let at = |h: f64| {
                let [from, to, x] = match direction {
                    Direction::To => [0.0, h, 0.0],
                    Direction::Along(_) => [h, 0.0, h],
                    Direction::State(_) => [0.0, 0.0, h],
                };
                let (from, to, x) = (&batch.from + from, &batch.to + to, &batch.x + &batch.u * x);
                map.average(&Jump { from: &from, to: &to, x: &x, given: &Given::Nothing })
            };
            let (after, before) = (at(H), at(-H));
            let divided = |a: &Tensor, b: &Tensor| (a - b) / (2.0 * H);
            let (value, tangent) = map.average_and_tangent(&batch.jump(), &direction);
            check(name, &value.velocity, &map.average(&batch.jump()).velocity, 1e-12);
            check(name, &tangent.velocity, &divided(&after.velocity, &before.velocity), 1e-4);
            let expected = divided(&after.divergence.unwrap(), &before.divergence.unwrap());
            check(name, &tangent.divergence.unwrap(), &expected, 1e-4);
        }
    }
}

/// `⟨w, ∂_θ J u⟩` by a backward pass through the tangent, against differences.
#[test]
fn tangents_can_be_trained() {
    let network = preconditioned(moved(), Interpolant::trigonometric());
    let batch = Batch::new((0.1, 0.9));
    let loss = || {
        let map = network.flow_map().unwrap();
        let (_, Average { velocity, divergence }) =
            map.average_and_tangent(&batch.jump(), &Direction::Along(&batch.u));
        velocity.square().sum(None) + divergence.unwrap().square().sum(None)
    };
    let trained: Vec<Tensor> = network
        .parameters()
        .iter()
        .filter(|(name, _)| !name.starts_with("gaussian."))
        .map(|(_, weight)| weight.shallow_clone())
        .collect();
    let found = gradients("a test", &loss(), &trained, Graph::Freed).unwrap();
    let mut draw = Stream::new(9, Purpose::Test).at(0);
    for (weight, gradient) in trained.iter().zip(&found) {
        let direction = draw.normal(&weight.size(), Kind::Double);
        let moved = |h: f64| {
            tch::no_grad(|| {
                let mut weight = weight.detach();
                let original = weight.copy();
                weight.copy_(&(&original + &direction * h));
                let loss = loss().double_value(&[]);
                weight.copy_(&original);
                loss
            })
        };
        let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        let slope = (gradient * &direction).sum(None).double_value(&[]);
        assert!((slope - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{slope} {expected}");
    }
}

/// Between Gaussian ends the map is exact before a step is taken: the losses and their gradients vanish.
#[test]
fn the_exact_map_leaves_nothing_of_a_condition() {
    for condition in [MapCondition::Lagrangian, MapCondition::Progressive, MapCondition::Eulerian] {
        let (mean, covariance) = moments();
        let target = || Box::new(Fresh(Arc::new(Gaussian::new(&mean, &covariance).unwrap())));
        let problem =
            Problem { target: target(), held_out_target: target(), ..normals(Interpolant::linear(), 3) };
        let objective = |velocity_steps: u64| {
            let config =
                FlowMapMatchingConfig { condition, velocity_steps, ramp_steps: 0, ..Default::default() };
            FlowMapMatching::new(config, None).unwrap()
        };
        let network = preconditioned(perceptron(), Interpolant::linear());
        let trainer = train_with(objective(0), short(1), problem, network, 3).unwrap();
        let step = trainer.training_step();
        let [whole, velocity] = [objective(0), objective(10)].map(|objective| {
            let gradient = objective.gradient(&step).unwrap();
            gradient.of_weights.iter().map(|x| x.sum(Kind::Double).double_value(&[])).collect::<Vec<_>>()
        });
        for (whole, velocity) in whole.iter().zip(&velocity) {
            assert!((whole - velocity).abs() < 1e-5, "{condition:?}: {whole} {velocity}");
        }
        let check = trainer.self_check(500).unwrap();
        for term in &check.terms[1..] {
            assert!(term.objective.mean.abs() < 1e-11, "{condition:?}: {term:?}");
        }
    }
}

//! The objective of flow maps: the exact map of Gaussian ends leaves nothing of any condition, and a network learns it.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod support;

use interflow_core::backward::{Graph, gradients};
use interflow_core::flow_map::{Average, Direction, FlowMap, Jump};
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Fresh;
use interflow_core::target::DiagonalGaussian;
use interflow_core::tch::{self, Device, Kind, Tensor};
use interflow_core::{Given, Network, Parameters, Result, Space};
use interflow_models::{FlowMapConfig, MlpConfig};
use interflow_train::{
    DivergenceTarget, Error, FlowMapMatching, FlowMapMatchingConfig, Gradient, MapCondition, MixedPrecision,
    Objective, OptimizerConfig, Problem, ScheduleConfig, Silent, TrainConfig, Trainer,
};
use support::{Mlp, normals, short, train_with};

const MEAN: f64 = 0.7;
const STD: f64 = 0.4;

/// From N(0, I) to N(m, σ² I) along the straight line.
fn gaussians(dim: i64) -> Problem {
    let target =
        || Box::new(Fresh(DiagonalGaussian { dim, mean: MEAN, std: STD, last_std: None }.build().unwrap()));
    Problem { target: target(), held_out_target: target(), ..normals(Interpolant::linear(), dim) }
}

/// The exact flow map between these ends, `X_{s,t}(x) = m_t + (σ_t/σ_s)(x − m_s)` and `(t − s) D_{s,t} = D log(σ_t/σ_s)`,
/// times two weights which are 1. With `σ_t² = (1 − t)² + t² σ²` the divided difference of σ is
/// `((s + t)(1 + σ²) − 2)/(σ_s + σ_t)`, regular on the diagonal.
struct Exact {
    dim: i64,
    parameters: Parameters,
}

impl Exact {
    fn new(dim: i64) -> Self {
        let mut parameters = Parameters::new();
        for name in ["velocity", "divergence"] {
            let _ = parameters.add(name, &Tensor::ones([1], (Kind::Double, Device::Cpu)));
        }
        Self { dim, parameters }
    }

    fn formula(&self, s: &Tensor, t: &Tensor, x: &Tensor) -> [Tensor; 2] {
        let deviation = |t: &Tensor| ((t - 1.0).square() + (t * STD).square()).sqrt();
        let (of_s, of_t) = (deviation(s), deviation(t));
        let rate = ((s + t) * (1.0 + STD * STD) - 2.0) / (&of_s + of_t) / of_s;
        let length = t - s;
        let growth = (&length * &rate).log1p() / length.where_self(&length.ne(0.0), &length.ones_like());
        let divergence = growth.where_self(&length.ne(0.0), &rate) * self.dim as f64;
        let velocity = MEAN + rate.unsqueeze(1) * (x - (s * MEAN).unsqueeze(1));
        let weights = self.parameters.tensors();
        [velocity * &weights[0], divergence * &weights[1]]
    }
}

impl Network for Exact {
    fn space(&self) -> Space {
        self.dim.into()
    }

    fn value(&self, t: &Tensor, x: &Tensor, _: &Given) -> Tensor {
        let [velocity, _] = self.formula(t, t, x);
        velocity
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    fn flow_map(&self) -> Option<&dyn FlowMap> {
        Some(self)
    }

    fn duplicate(&self) -> Result<Box<dyn Network>> {
        Ok(Box::new(Self::new(self.dim)))
    }
}

impl FlowMap for Exact {
    fn has_divergence(&self) -> bool {
        true
    }

    fn average(&self, jump: &Jump<'_>) -> Average {
        let [velocity, divergence] = self.formula(jump.from, jump.to, jump.x);
        Average { velocity, divergence: Some(divergence) }
    }

    /// By reverse mode twice: the pullback of a covector is linear in it, and its derivative by it the tangent.
    fn average_and_tangent(&self, jump: &Jump<'_>, direction: &Direction<'_>) -> (Average, Average) {
        let average = self.average(jump);
        let recorded = tch::with_grad(|| {
            let leaf = |x: &Tensor| x.detach().set_requires_grad(true);
            let inputs = [jump.from, jump.to, jump.x].map(leaf);
            let values = self.formula(&inputs[0], &inputs[1], &inputs[2]);
            values.map(|value| {
                let covector = leaf(&value.zeros_like());
                let pulled = gradients("a test", &(value * &covector).sum(None), &inputs, Graph::Recorded);
                let pulled = pulled.unwrap();
                let along = match direction {
                    Direction::To => pulled[1].sum(None),
                    Direction::Along(v) => pulled[0].sum(None) + (&pulled[2] * *v).sum(None),
                    Direction::State(u) => (&pulled[2] * *u).sum(None),
                };
                gradients("a test", &along, &[covector], Graph::Recorded).unwrap().remove(0)
            })
        });
        let [velocity, divergence] = recorded;
        (average, Average { velocity, divergence: Some(divergence) })
    }
}

fn matching(condition: MapCondition, velocity_steps: u64) -> FlowMapMatching {
    let config = FlowMapMatchingConfig { condition, velocity_steps, ramp_steps: 0, ..Default::default() };
    FlowMapMatching::new(config, None).unwrap()
}

fn trainer(condition: MapCondition, config: TrainConfig, dim: i64) -> Trainer {
    train_with(matching(condition, 0), config, gaussians(dim), Exact::new(dim), 3).unwrap()
}

/// What a condition adds to the loss of the velocity alone and to its gradient.
fn added(condition: MapCondition, trainer: &Trainer) -> Vec<f64> {
    let step = trainer.training_step();
    let of = |objective: FlowMapMatching| {
        let Gradient { loss, of_weights } = objective.gradient(&step).unwrap();
        std::iter::once(loss).chain(of_weights).map(|x| x.sum(Kind::Double).double_value(&[])).collect()
    };
    let [all, velocity]: [Vec<f64>; 2] = [of(matching(condition, 0)), of(matching(condition, 10))];
    all.iter().zip(&velocity).map(|(all, velocity)| all - velocity).collect()
}

#[test]
fn the_exact_map_leaves_nothing_of_a_condition_and_its_gradient() {
    for dim in [2, 9] {
        for condition in [MapCondition::Lagrangian, MapCondition::Progressive, MapCondition::Eulerian] {
            let trainer = trainer(condition, short(1), dim);
            for number in added(condition, &trainer) {
                assert!(number.abs() < 1e-12, "{condition:?} in {dim} dimensions: {number}");
            }
            let check = trainer.self_check(500).unwrap();
            let names: Vec<_> = check.terms.iter().map(|term| term.name).collect();
            assert_eq!(names[..3], ["velocity", "jump", "divergence"]);
            let on_diagonal = names.get(3) == Some(&"diagonal-divergence");
            assert_eq!(on_diagonal, condition == MapCondition::Progressive, "{names:?}");
            for term in &check.terms[1..] {
                assert!(term.objective.mean.abs() < 1e-20, "{condition:?}: {term:?}");
            }
        }
    }
}

/// Its target is ẋ, whose noise stays: only the gradient's mean vanishes.
#[test]
fn the_exact_map_is_the_minimiser_of_mean_flow() {
    let config = TrainConfig { batch: 4096, ..short(1) };
    let found: Vec<Vec<f64>> = (0..16)
        .map(|seed| {
            let objective = matching(MapCondition::MeanFlow, 0);
            let trainer = train_with(objective, config.clone(), gaussians(2), Exact::new(2), seed).unwrap();
            added(MapCondition::MeanFlow, &trainer)
        })
        .collect();
    for number in [1, 2] {
        let values: Vec<f64> = found.iter().map(|run| run[number]).collect();
        let mean = values.iter().sum::<f64>() / 16.0;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 15.0;
        assert!(mean.abs() < 4.0 * (variance / 16.0).sqrt() + 1e-12, "{number}: {values:?}");
    }
    assert!(found.iter().all(|run| run[0] > 0.1), "{found:?}");
}

/// A perceptron that is a flow map, with or without the average divergence.
fn perceptron(dim: i64, divergence_width: Option<i64>) -> interflow_models::Mlp {
    let config =
        MlpConfig { flow_map: Some(FlowMapConfig { divergence_width }), ..MlpConfig::new(vec![48, 48]) };
    config.init(dim, &mut Stream::new(5, Purpose::Init).at(0), (Kind::Float, Device::Cpu)).unwrap()
}

fn training(steps: u64) -> TrainConfig {
    TrainConfig {
        batch: 128,
        ema_decay: Some(0.98),
        optimizer: OptimizerConfig { learning_rate: 5e-3, ..OptimizerConfig::default() },
        schedule: ScheduleConfig::Cosine {},
        mixed_precision: MixedPrecision::Off,
        clip_norm: Some(1.0),
        ..short(steps)
    }
}

/// Root mean squares of the errors of `X_{s,t}` and of `(t − s) D_{s,t}` of points of time s.
fn errors(network: &dyn Network, (s, t): (f64, f64)) -> [f64; 2] {
    let z = Stream::new(2, Purpose::Test).at(0).normal(&[1000, 2], Kind::Float);
    let deviation = |t: f64| ((1.0 - t).powi(2) + (t * STD).powi(2)).sqrt();
    let at = |t: f64| &z * deviation(t) + t * MEAN;
    let x = at(s);
    let times = |t: f64| Tensor::full([1000], t, (Kind::Float, Device::Cpu));
    let jump = Jump { from: &times(s), to: &times(t), x: &x, given: &Given::Nothing };
    let average = network.flow_map().unwrap().average(&jump);
    let root = |x: Tensor| x.square().mean(Kind::Double).sqrt().double_value(&[]);
    let fall = average.fall(&jump).map_or(0.0, |fall| root(fall - 2.0 * (deviation(t) / deviation(s)).ln()));
    [root(average.landing(&jump) - at(t)), fall]
}

#[test]
fn a_network_learns_the_map_in_both_directions() {
    use MapCondition::{Eulerian, Lagrangian, Progressive};
    for (condition, divergence) in [
        (Lagrangian, Some(DivergenceTarget::Hutchinson)),
        (Progressive, None),
        (Eulerian, Some(DivergenceTarget::Exact)),
    ] {
        let config = FlowMapMatchingConfig {
            condition,
            divergence,
            velocity_steps: 50,
            ramp_steps: 50,
            ..Default::default()
        };
        let objective = FlowMapMatching::new(config, None).unwrap();
        let mut trainer =
            train_with(objective, training(500), gaussians(2), perceptron(2, Some(16)), 3).unwrap();
        trainer.run(&mut Silent).unwrap();
        for times in [(0.0, 1.0), (1.0, 0.0), (0.3, 0.8)] {
            let [map, fall] = tch::no_grad(|| errors(trainer.ema_network(), times));
            // The others are slower.
            let most = if condition == Lagrangian { 0.2 } else { 0.6 };
            assert!(map < most && fall < 0.2 + most, "{condition:?} from {times:?}: {map}, {fall}");
        }
    }
}

#[test]
fn a_teachers_velocity_takes_the_place_of_the_networks_own() {
    let config =
        FlowMapMatchingConfig { velocity_steps: 0, ramp_steps: 1, weight: 10.0, ..Default::default() };
    // On its own, a map that was never trained agrees with its velocity: both are zero.
    let alone = |teacher: Option<Box<dyn Network>>| {
        let objective = FlowMapMatching::new(config.clone(), teacher).unwrap();
        let trainer = train_with(objective, short(1), gaussians(2), perceptron(2, None), 3).unwrap();
        let check = trainer.self_check(500).unwrap();
        check.term("jump").unwrap().objective.mean
    };
    assert!(alone(None) < 1e-12);
    assert!(alone(Some(Box::new(Mlp::new(2, 8, 1)))) > 1e-2);
}

#[test]
fn held_out_terms_have_the_weights_of_training() {
    let term = |weight: f64, name: &str| {
        let config = FlowMapMatchingConfig { weight, velocity_steps: 0, ..Default::default() };
        let teacher: Box<dyn Network> = Box::new(Mlp::new(2, 8, 1));
        let objective = FlowMapMatching::new(config, Some(teacher)).unwrap();
        let network = perceptron(2, Some(16));
        let check =
            train_with(objective, short(1), gaussians(2), network, 3).unwrap().self_check(500).unwrap();
        check.term(name).unwrap().objective.mean
    };
    for name in ["jump", "divergence"] {
        let ratio = term(10.0, name) / term(1.0, name);
        assert!((ratio - 10.0).abs() < 1e-4, "{name}: {ratio}");
    }
}

#[test]
fn what_does_not_go_with_flow_maps_is_refused_by_name() {
    let refusal = |error: Error, part: &str| {
        let message = error.to_string();
        assert!(message.starts_with("the objective flow-map does not go with"), "{message}");
        assert!(message.contains(part) && message.contains("\nhint: "), "{message}");
    };
    let objective = || matching(MapCondition::Lagrangian, 0);
    let one_time = train_with(objective(), short(1), gaussians(2), Mlp::new(2, 4, 1), 1);
    refusal(one_time.unwrap_err(), "a network of one time");
    let teacher = |condition, dim| {
        let config = FlowMapMatchingConfig { condition, ..Default::default() };
        FlowMapMatching::new(config, Some(Box::new(Mlp::new(dim, 4, 1))))
    };
    let other = teacher(MapCondition::Lagrangian, 3).unwrap();
    let other = train_with(other, short(1), gaussians(2), perceptron(2, None), 1);
    refusal(other.unwrap_err(), "a teacher of other points");
    refusal(teacher(MapCondition::Progressive, 2).unwrap_err(), "a condition without a velocity");
    let unloaded = FlowMapMatchingConfig { teacher: Some("runs/a".into()), ..Default::default() };
    refusal(FlowMapMatching::new(unloaded, None).unwrap_err(), "a teacher that nobody loaded");
}

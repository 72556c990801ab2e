//! Perceptrons of two times: the diagonal is the velocity, and tangents are derivatives.

use interflow_core::backward::{Graph, gradients};
use interflow_core::field::divergence_by_reverse_mode;
use interflow_core::flow_map::{Average, Direction, FlowMap, Jump};
use interflow_core::interpolant::ScheduleKind;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Given, GivenSpace, Network, Space, VectorField as _};
use interflow_models::{
    Activation, Damping, Ends, FlowMapConfig, MlpConfig, ModelConfig, ResidualMlpConfig, StateFeatures,
    TimeEmbedding,
};
use tch::{Kind, Tensor};

use crate::perceptrons::{
    BATCH, DIM, features, largest_difference, mlp, network, network_given, points, residual,
};

const NUMBERS: GivenSpace = GivenSpace::Numbers { n: 2 };

/// Flow maps of every kind of layer, feature and clock.
fn configs() -> Vec<ModelConfig> {
    let undamped = StateFeatures { damping: Damping::Off, ..features(2, Ends::Target) };
    let waves = [None, Some(features(2, Ends::Target)), Some(features(2, Ends::Both)), Some(undamped)];
    let clock =
        TimeEmbedding::Fourier { n_frequencies: 2, n_log_frequencies: 1, schedule: ScheduleKind::Linear };
    let clocks = [clock, TimeEmbedding::Centred {}, TimeEmbedding::Sinusoidal { n_frequencies: 2 }];
    let flow_map = Some(FlowMapConfig { divergence_width: Some(3) });
    let mut configs = Vec::new();
    for (index, state_features) in waves.into_iter().enumerate() {
        let time_embedding = clocks[index % 3];
        for hidden in [vec![5], vec![5, 6, 4]] {
            let config = MlpConfig { state_features, time_embedding, flow_map, ..MlpConfig::new(hidden) };
            configs.push(ModelConfig::Mlp(config));
        }
        let config = ResidualMlpConfig { state_features, time_embedding, flow_map, ..residual(5, 2) };
        configs.push(ModelConfig::ResidualMlp(config));
    }
    for activation in [Activation::Gelu, Activation::Tanh] {
        let config = MlpConfig { activation, flow_map, ..MlpConfig::new(vec![5, 4]) };
        configs.push(ModelConfig::Mlp(config));
    }
    configs
}

/// Times of starts and landings, in both directions, states, velocities and conditions of a batch.
struct Batch {
    from: Tensor,
    to: Tensor,
    x: Tensor,
    velocity: Tensor,
    given: Given,
}

impl Batch {
    fn new() -> Self {
        let mut draw = Stream::new(5, Purpose::Test).at(0);
        let (from, x, velocity) = points(Kind::Double);
        let to = draw.uniform(&[BATCH], Kind::Double);
        let given = Given::Numbers(draw.normal(&[BATCH, 2], Kind::Double));
        // Off the ends, where a step would leave the clocks' range.
        Self { from: from * 0.8 + 0.1, to: to * 0.8 + 0.1, x, velocity, given }
    }

    fn jump(&self) -> Jump<'_> {
        Jump { from: &self.from, to: &self.to, x: &self.x, given: &self.given }
    }
}

/// `(f(h) − f(−h)) / 2h` for what a map knows of jumps moved by h.
fn difference(map: &dyn FlowMap, batch: &Batch, moved: impl Fn(&mut Batch, f64)) -> Average {
    const H: f64 = 1e-6;
    let at = |h: f64| {
        let mut other = Batch {
            from: batch.from.shallow_clone(),
            to: batch.to.shallow_clone(),
            x: batch.x.shallow_clone(),
            velocity: batch.velocity.shallow_clone(),
            given: batch.given.shallow_clone(),
        };
        moved(&mut other, h);
        tch::no_grad(|| map.average(&other.jump()))
    };
    let (after, before) = (at(H), at(-H));
    let divided = |a: Tensor, b: Tensor| (a - b) / (2.0 * H);
    let divergence = after.divergence.zip(before.divergence).map(|(a, b)| divided(a, b));
    Average { velocity: divided(after.velocity, before.velocity), divergence }
}

fn relative(found: &Tensor, expected: &Tensor) -> f64 {
    largest_difference(found, expected) / (1.0 + expected.abs().max().double_value(&[]))
}

#[test]
fn the_diagonal_is_the_velocity() {
    let batch = Batch::new();
    for config in configs() {
        let network = network_given(&config, NUMBERS, Kind::Double);
        let map = network.flow_map().unwrap();
        let jump = Jump { to: &batch.from, ..batch.jump() };
        let diagonal = map.average(&jump);
        let velocity = network.value(&batch.from, &batch.x, &batch.given);
        assert!(largest_difference(&diagonal.velocity, &velocity) < 1e-12, "{config:?}");
        assert!(largest_difference(&diagonal.landing(&jump), &batch.x) < 1e-15, "{config:?}");
        assert!(diagonal.fall(&jump).unwrap().abs().max().double_value(&[]) < 1e-15, "{config:?}");
        let field = network.at(&batch.given);
        let (value, divergence) = field.value_and_divergence(&batch.from, &batch.x);
        let expected = divergence_by_reverse_mode(&field, &batch.from, &batch.x);
        assert!(largest_difference(&value, &expected.0) < 1e-10, "{config:?}");
        assert!(largest_difference(&divergence, &expected.1) < 1e-10, "{config:?}");
    }
}

#[test]
fn tangents_are_derivatives() {
    let batch = Batch::new();
    for config in configs() {
        let network = network_given(&config, NUMBERS, Kind::Double);
        let map = network.flow_map().unwrap();
        let check = |name: &str, direction: Direction<'_>, expected: &Average| {
            for recorded in [false, true] {
                let find = || map.average_and_tangent(&batch.jump(), &direction);
                let (value, tangent) = if recorded { find() } else { tch::no_grad(find) };
                let own = map.average(&batch.jump());
                assert!(largest_difference(&value.velocity, &own.velocity) < 1e-12, "{name}, {config:?}");
                let gap = relative(&value.divergence.unwrap(), &own.divergence.unwrap());
                assert!(gap < 1e-12, "{name}, {config:?}");
                let gap = relative(&tangent.velocity, &expected.velocity);
                assert!(gap < 1e-5, "{name}: {gap}, {config:?}");
                let gap = relative(&tangent.divergence.unwrap(), expected.divergence.as_ref().unwrap());
                assert!(gap < 1e-5, "{name}: {gap}, {config:?}");
            }
        };
        let expected = difference(map, &batch, |batch, h| batch.to = &batch.to + h);
        check("to", Direction::To, &expected);
        let expected = difference(map, &batch, |batch, h| {
            (batch.from, batch.x) = (&batch.from + h, &batch.x + &batch.velocity * h);
        });
        check("along", Direction::Along(&batch.velocity), &expected);
        let expected = difference(map, &batch, |batch, h| batch.x = &batch.x + &batch.velocity * h);
        check("state", Direction::State(&batch.velocity), &expected);
    }
}

/// A loss of a tangent has gradients in the weights, those of differences.
#[test]
fn tangents_can_be_trained() {
    let batch = Batch::new();
    let loss = |network: &dyn Network| {
        let map = network.flow_map().unwrap();
        let (_, tangent) = map.average_and_tangent(&batch.jump(), &Direction::Along(&batch.velocity));
        tangent.velocity.square().sum(None) + tangent.divergence.unwrap().square().sum(None)
    };
    for config in configs() {
        let mut network = network_given(&config, NUMBERS, Kind::Double);
        let weights = network.parameters().tensors();
        let found = gradients("a test", &loss(&*network), &weights, Graph::Freed).unwrap();
        let mut draw = Stream::new(9, Purpose::Test).at(0);
        let direction: Vec<Tensor> =
            weights.iter().map(|weight| draw.normal(&weight.size(), Kind::Double)).collect();
        let slope: f64 =
            found.iter().zip(&direction).map(|(g, d)| (g * d).sum(Kind::Double).double_value(&[])).sum();
        let at = |network: &mut Box<dyn Network>, h: f64| {
            let values = network.parameters().detached_copy();
            let moved: Vec<_> =
                values.iter().zip(&direction).map(|((name, w), d)| (name.clone(), w + d * h)).collect();
            network.parameters_mut().assign(&moved).unwrap();
            let value = tch::no_grad(|| loss(&**network)).double_value(&[]);
            network.parameters_mut().assign(&values).unwrap();
            value
        };
        let h = 1e-6;
        let expected = (at(&mut network, h) - at(&mut network, -h)) / (2.0 * h);
        assert!((slope - expected).abs() < 1e-4 * expected.abs().max(1.0), "{slope} {expected} {config:?}");
    }
}

#[test]
fn weights_are_counted_saved_and_duplicated() {
    let batch = Batch::new();
    for config in configs() {
        let network = network_given(&config, NUMBERS, Kind::Double);
        let counted = config.n_scalars(Space { dim: DIM, given: NUMBERS }).unwrap();
        assert_eq!(counted as i64, network.parameters().n_scalars(), "{config:?}");
        let copy = network.duplicate().unwrap();
        let names = |network: &dyn Network| {
            network.parameters().iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(&*network), names(&*copy));
        let [a, b] = [&network, &copy].map(|network| network.flow_map().unwrap().average(&batch.jump()));
        assert!(largest_difference(&a.velocity, &b.velocity) < 1e-15);
        assert!(largest_difference(&a.divergence.unwrap(), &b.divergence.unwrap()) < 1e-15);
    }
}

#[test]
fn a_velocity_is_no_flow_map_and_a_map_may_be_without_divergences() {
    let plain = network(&mlp(&[4]), Kind::Double);
    assert!(plain.flow_map().is_none());
    let config = MlpConfig { flow_map: Some(FlowMapConfig::default()), ..MlpConfig::new(vec![4]) };
    let network = network_given(&ModelConfig::Mlp(config), NUMBERS, Kind::Double);
    let map = network.flow_map().unwrap();
    assert!(!map.has_divergence() && map.average(&Batch::new().jump()).divergence.is_none());
}

#[test]
fn what_no_flow_map_can_have_is_refused() {
    let flow_map = Some(FlowMapConfig { divergence_width: Some(0) });
    let no_head = ModelConfig::Mlp(MlpConfig { flow_map, ..MlpConfig::new(vec![4]) });
    let flow_map = Some(FlowMapConfig::default());
    let dropping = ModelConfig::ResidualMlp(ResidualMlpConfig { flow_map, dropout: 0.1, ..residual(4, 1) });
    for (config, part) in [(no_head, "divergence_width must be positive"), (dropping, "0 in a flow map")] {
        let error = config.n_scalars(DIM.into()).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let read = |key: &str| {
        toml::from_str::<ModelConfig>(&format!("kind = \"mlp\"\nhidden = [4]\nflow_map = {{ {key} = 8 }}"))
    };
    assert!(read("divergence_width").is_ok());
    assert!(read("divergence").is_err());
}

//! U-Nets of two times: the diagonal is the velocity, and tangents are derivatives.

use interflow_core::backward::{Graph, gradients};
use interflow_core::flow_map::{Average, Direction, Jump};
use interflow_core::interpolant::ScheduleKind;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Given, Network, Space};
use interflow_models::{FlowMapConfig, ModelConfig, TimeEmbedding, UNetConfig};
use tch::{Device, Kind, Tensor};

use crate::u_nets::{classes, fresh, largest_difference, network, tiny};

const BATCH: i64 = 3;
const N_CLASSES: i64 = 2;

/// Flow maps with every kind of layer, on images of three unequal sides.
fn configs() -> Vec<UNetConfig> {
    let flow_map = Some(FlowMapConfig { divergence_width: Some(3) });
    let clock =
        TimeEmbedding::Fourier { n_frequencies: 2, n_log_frequencies: 1, schedule: ScheduleKind::Linear };
    let softmax = UNetConfig { flow_map, ..tiny([3, 4, 8]) };
    let linear = UNetConfig {
        attention: vec![2],
        linear_attention: vec![4],
        patch: 2,
        n_learned_frequencies: 2,
        flow_map,
        ..tiny([1, 8, 4])
    };
    let clocked = UNetConfig { time_embedding: clock, dropout: 0.5, flow_map, ..tiny([2, 4, 2]) };
    vec![softmax, linear, clocked]
}

/// Times of starts and landings, in both directions, images, velocities and classes of a batch.
struct Batch {
    from: Tensor,
    to: Tensor,
    x: Tensor,
    velocity: Tensor,
    given: Given,
}

impl Batch {
    fn new(dim: i64, kind: Kind) -> Self {
        let mut draw = Stream::new(5, Purpose::Test).at(0);
        // Off the ends, where a step would leave the clocks' range.
        let [from, to] = [(); 2].map(|()| draw.uniform(&[BATCH], kind) * 0.8 + 0.1);
        let [x, velocity] = [(); 2].map(|()| draw.normal(&[BATCH, dim], kind));
        let given = Given::Class(Tensor::arange(BATCH, (Kind::Int64, Device::Cpu)));
        Self { from, to, x, velocity, given }
    }

    fn jump(&self) -> Jump<'_> {
        Jump { from: &self.from, to: &self.to, x: &self.x, given: &self.given }
    }

    fn directions(&self) -> [(&'static str, Direction<'_>); 3] {
        let (along, state) = (Direction::Along(&self.velocity), Direction::State(&self.velocity));
        [("to", Direction::To), ("along", along), ("state", state)]
    }

    /// The batch moved by `h` along a direction.
    fn moved(&self, direction: &Direction<'_>, h: f64) -> Self {
        let [along_from, along_to, along_x] = match direction {
            Direction::To => [0.0, h, 0.0],
            Direction::Along(_) => [h, 0.0, h],
            Direction::State(_) => [0.0, 0.0, h],
        };
        Self {
            from: &self.from + along_from,
            to: &self.to + along_to,
            x: &self.x + &self.velocity * along_x,
            velocity: self.velocity.shallow_clone(),
            given: self.given.shallow_clone(),
        }
    }
}

fn map(config: &UNetConfig) -> Box<dyn Network> {
    network(config, N_CLASSES, Kind::Double)
}

fn check(name: &str, config: &UNetConfig, found: &Tensor, expected: &Tensor, tolerance: f64) {
    assert_eq!(found.size(), expected.size(), "{name}, {config:?}");
    let gap = largest_difference(found, expected) / (1.0 + expected.abs().max().double_value(&[]));
    assert!(gap < tolerance, "{name}: {gap}, {config:?}");
}

#[test]
fn the_diagonal_is_the_velocity() {
    for config in configs() {
        let network = map(&config);
        let batch = Batch::new(config.dim(), Kind::Double);
        let jump = Jump { to: &batch.from, ..batch.jump() };
        let diagonal = network.flow_map().unwrap().average(&jump);
        let velocity = network.value(&batch.from, &batch.x, &batch.given);
        assert!(velocity.std(false).double_value(&[]) > 1e-2);
        check("velocity", &config, &diagonal.velocity, &velocity, 1e-12);
        check("landing", &config, &diagonal.landing(&jump), &batch.x, 1e-15);
        let fall = diagonal.fall(&jump).unwrap();
        check("fall", &config, &fall, &fall.zeros_like(), 1e-15);
        let off = network.flow_map().unwrap().average(&batch.jump());
        assert!(largest_difference(&off.velocity, &velocity) > 1e-3, "the time of landing matters");
    }
}

#[test]
fn tangents_are_those_of_differences() {
    const H: f64 = 1e-6;
    for config in configs() {
        let network = map(&config);
        let map = network.flow_map().unwrap();
        let batch = Batch::new(config.dim(), Kind::Double);
        let own = map.average(&batch.jump());
        for (name, direction) in batch.directions() {
            let [after, before] =
                [H, -H].map(|h| tch::no_grad(|| map.average(&batch.moved(&direction, h).jump())));
            let divided = |a: &Tensor, b: &Tensor| (a - b) / (2.0 * H);
            let of_velocity = divided(&after.velocity, &before.velocity);
            let of_divergence = divided(&after.divergence.unwrap(), &before.divergence.unwrap());
            assert!(of_velocity.std(false).double_value(&[]) > 1e-3, "{name} does not matter, {config:?}");
            for recorded in [false, true] {
                let find = || map.average_and_tangent(&batch.jump(), &direction);
                let (value, tangent) = if recorded { find() } else { tch::no_grad(find) };
                check(name, &config, &value.velocity, &own.velocity, 1e-12);
                check(name, &config, &value.divergence.unwrap(), own.divergence.as_ref().unwrap(), 1e-12);
                check(name, &config, &tangent.velocity, &of_velocity, 1e-6);
                check(name, &config, &tangent.divergence.unwrap(), &of_divergence, 1e-6);
            }
        }
    }
}

/// `⟨w, J u⟩ = ⟨Jᵀ w, u⟩`, with J u by a tangent and Jᵀ w by a backward pass.
#[test]
fn tangents_are_those_of_reverse_mode() {
    for config in configs() {
        let network = map(&config);
        let map = network.flow_map().unwrap();
        let batch = Batch::new(config.dim(), Kind::Double);
        let mut draw = Stream::new(6, Purpose::Test).at(0);
        let (w, of_divergence) =
            (draw.normal(&batch.x.size(), Kind::Double), draw.normal(&[BATCH], Kind::Double));
        let weighed = |average: Average| {
            let divergence = (average.divergence.unwrap() * &of_divergence).sum(None);
            (average.velocity * &w).sum(None) + divergence
        };
        let leaves = [&batch.from, &batch.to, &batch.x].map(|x| x.copy().set_requires_grad(true));
        let jump = Jump { from: &leaves[0], to: &leaves[1], x: &leaves[2], given: &batch.given };
        let pulled = gradients("a test", &weighed(map.average(&jump)), &leaves, Graph::Freed).unwrap();
        let along_x = (&pulled[2] * &batch.velocity).sum(None);
        for (name, direction) in batch.directions() {
            let (_, tangent) = tch::no_grad(|| map.average_and_tangent(&batch.jump(), &direction));
            let expected = match direction {
                Direction::To => pulled[1].sum(None),
                Direction::Along(_) => pulled[0].sum(None) + &along_x,
                Direction::State(_) => along_x.shallow_clone(),
            };
            check(name, &config, &weighed(tangent), &expected, 1e-11);
        }
    }
}

/// A loss of a tangent has gradients in every weight that it depends on, those of differences.
#[test]
fn tangents_can_be_trained() {
    for config in configs() {
        let network = map(&config);
        let batch = Batch::new(config.dim(), Kind::Double);
        let loss = || {
            let map = network.flow_map().unwrap();
            let (value, tangent) = map.average_and_tangent(&batch.jump(), &Direction::Along(&batch.velocity));
            let of_divergence = tangent.divergence.unwrap() + value.divergence.unwrap();
            (tangent.velocity + value.velocity).square().sum(None) + of_divergence.square().sum(None)
        };
        let weights = network.parameters().tensors();
        let found = gradients("a test", &loss(), &weights, Graph::Freed).unwrap();
        let mut draw = Stream::new(9, Purpose::Test).at(0);
        for ((name, weight), gradient) in network.parameters().iter().zip(&found) {
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
            let h = 1e-5;
            let expected = (moved(h) - moved(-h)) / (2.0 * h);
            let slope = (gradient * &direction).sum(None).double_value(&[]);
            let gap = (slope - expected).abs() / (1.0 + expected.abs());
            assert!(gap < 1e-5, "{name}: {slope} {expected}, {config:?}");
            assert!(expected.abs() > 1e-9, "{name} does not matter, {config:?}");
        }
    }
}

#[test]
fn a_row_depends_on_its_own_row_only_and_no_tangent_is_dropped() {
    for config in configs() {
        let network = map(&config);
        let map = network.flow_map().unwrap();
        let batch = Batch::new(config.dim(), Kind::Double);
        let (value, tangent) = map.average_and_tangent(&batch.jump(), &Direction::Along(&batch.velocity));
        for row in 0..BATCH {
            let of_row = |x: &Tensor| x.narrow(0, row, 1);
            let [from, to, x, velocity] = [&batch.from, &batch.to, &batch.x, &batch.velocity].map(of_row);
            let jump = Jump { from: &from, to: &to, x: &x, given: &batch.given.narrow(row, 1) };
            let alone = map.average_and_tangent(&jump, &Direction::Along(&velocity));
            check("value", &config, &alone.0.velocity, &of_row(&value.velocity), 1e-12);
            check("tangent", &config, &alone.1.velocity, &of_row(&tangent.velocity), 1e-12);
            let divergence = tangent.divergence.as_ref().unwrap();
            check("divergence", &config, &alone.1.divergence.unwrap(), &of_row(divergence), 1e-12);
        }
    }
}

#[test]
fn weights_are_counted_and_duplicated_and_a_fresh_map_stays() {
    for config in configs() {
        let network = map(&config);
        let batch = Batch::new(config.dim(), Kind::Double);
        let space = Space { dim: config.dim(), given: classes(N_CLASSES) };
        let counted = ModelConfig::UNet(config.clone()).n_scalars(space).unwrap();
        assert_eq!(counted as i64, network.parameters().n_scalars(), "{config:?}");
        let copy = network.duplicate().unwrap();
        let [a, b] = [&network, &copy].map(|network| network.flow_map().unwrap().average(&batch.jump()));
        check("copy", &config, &a.velocity, &b.velocity, 1e-15);
        check("copy", &config, &a.divergence.unwrap(), &b.divergence.unwrap(), 1e-15);
        let fresh = fresh(&config, N_CLASSES, Kind::Double);
        let found = fresh.flow_map().unwrap().average(&batch.jump());
        assert!(found.velocity.abs().max().double_value(&[]) < 1e-15);
        assert!(found.divergence.unwrap().abs().max().double_value(&[]) < 1e-15);
    }
}

#[test]
fn a_velocity_is_no_flow_map_and_a_map_may_be_without_divergences() {
    assert!(network(&tiny([1, 4, 4]), 0, Kind::Float).flow_map().is_none());
    let config = UNetConfig { flow_map: Some(FlowMapConfig::default()), ..tiny([1, 4, 4]) };
    let network = map(&config);
    let batch = Batch::new(16, Kind::Double);
    let map = network.flow_map().unwrap();
    let (value, tangent) = map.average_and_tangent(&batch.jump(), &Direction::To);
    assert!(!map.has_divergence() && value.divergence.is_none() && tangent.divergence.is_none());
    let flow_map = Some(FlowMapConfig { divergence_width: Some(0) });
    let error = UNetConfig { flow_map, ..config }.check().unwrap_err().to_string();
    assert!(error.contains("divergence_width must be positive"), "{error}");
}

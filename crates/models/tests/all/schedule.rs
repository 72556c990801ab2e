//! Which α and β a network sees: those of the schedule that its config names, or of one that it is told.

use std::sync::Arc;

use interflow_core::field::divergence_by_reverse_mode;
use interflow_core::interpolant::{Linear, Schedule, ScheduleCoefficients, ScheduleKind, Trigonometric};
use interflow_core::rng::{Draw, Purpose, Stream};
use interflow_core::{At, Given, Network, VectorField};
use interflow_models::{
    Activation, Ends, MlpConfig, ResidualMlpConfig, StateFeatures, TimeEmbedding, UNetConfig,
};
use tch::{Device, Kind, Tensor};

/// A schedule that no config can name: `α = 1 − t²`, `β = t²`.
#[derive(Debug)]
struct Squared;

impl Schedule for Squared {
    fn coefficients(&self, t: &Tensor) -> ScheduleCoefficients {
        ScheduleCoefficients {
            alpha: 1.0 - t.square(),
            alpha_dot: t * -2.0,
            beta: t.square(),
            beta_dot: t * 2.0,
        }
    }
}

fn features(schedule: ScheduleKind) -> StateFeatures {
    StateFeatures { ends: Ends::Both, schedule, ..StateFeatures::octaves(2) }
}

fn clock(schedule: ScheduleKind) -> TimeEmbedding {
    TimeEmbedding::Fourier { n_frequencies: 1, n_log_frequencies: 2, schedule }
}

fn mlp(schedule: ScheduleKind) -> MlpConfig {
    let state_features = Some(features(schedule));
    MlpConfig { state_features, time_embedding: clock(schedule), ..MlpConfig::new(vec![5]) }
}

fn residual(schedule: ScheduleKind) -> ResidualMlpConfig {
    ResidualMlpConfig {
        width: 6,
        n_blocks: 1,
        activation: Activation::Tanh,
        time_embedding: clock(schedule),
        state_features: Some(features(schedule)),
        dropout: 0.0,
        flow_map: None,
    }
}

fn u_net(schedule: ScheduleKind) -> UNetConfig {
    UNetConfig {
        n_groups: 2,
        head_channels: 4,
        n_blocks: 1,
        time_embedding: clock(schedule),
        ..UNetConfig::new([1, 2, 2], 4, vec![1])
    }
}

fn draw() -> Draw {
    Stream::new(3, Purpose::Init).at(0)
}

const OPTIONS: (Kind, Device) = (Kind::Double, Device::Cpu);

/// The network with weights that are all different from zero, the same for networks of one form.
fn moved<N: Network>(mut network: N) -> N {
    let mut draw = Stream::new(4, Purpose::Init).at(0);
    let weights: Vec<(String, Tensor)> = network
        .parameters()
        .iter()
        .map(|(name, weight)| (name.to_owned(), draw.normal(&weight.size(), Kind::Double) * 0.5))
        .collect();
    network.parameters_mut().assign(&weights).unwrap();
    network
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

/// Times `[3]` and states `[3, 4]`.
fn points() -> (Tensor, Tensor) {
    let x = Stream::new(5, Purpose::Test).at(0).normal(&[3, 4], Kind::Double);
    (Tensor::from_slice(&[0.2, 0.5, 0.9]), x)
}

#[test]
fn waves_are_those_of_the_coefficients_they_are_given() {
    // α = 3/4 and β = 1/4 on the straight line.
    let coefficients = Linear.coefficients(&Tensor::from_slice(&[0.25]));
    let x = Tensor::from_slice(&[0.3]).view([1, 1]);
    let found = features(ScheduleKind::Linear).value(&coefficients, &x);
    let wave = |omega: f64, alpha: f64, beta: f64| {
        let scaled = omega / (beta * beta + 1e-4f64).sqrt();
        let damping = (-0.5 * (alpha * scaled).powi(2)).exp();
        [damping * (scaled * 0.3).sin(), damping * (scaled * 0.3).cos()]
    };
    let waves = [wave(1.0, 0.75, 0.25), wave(2.0, 0.75, 0.25), wave(1.0, 0.25, 0.75), wave(2.0, 0.25, 0.75)];
    let expected: Vec<f64> =
        [0, 1].iter().flat_map(|&part| waves.iter().map(move |wave| wave[part])).collect();
    assert_eq!(found.size(), [1, 1, 8]);
    assert!(largest_difference(&found.view(-1), &Tensor::from_slice(&expected)) < 1e-14);
}

#[test]
fn the_logarithmic_clock_reads_alpha() {
    let t = Tensor::from_slice(&[0.6]);
    let found = clock(ScheduleKind::default()).embed(&t, &Squared);
    let c = -(0.64f64).log10() / 4.0;
    let last = |at: i64| found.double_value(&[0, at]);
    assert!((last(3) - (2.0 * c - 1.0)).abs() < 1e-14);
    assert!((last(4) - (std::f64::consts::PI * c).sin()).abs() < 1e-14);
    // Past the clock's end, where α is 0, it stands still.
    let end = clock(ScheduleKind::default()).embed(&Tensor::from_slice(&[1.0]), &Squared);
    assert!((end.double_value(&[0, 3]) - 1.0).abs() < 1e-14);
}

/// A network along a schedule is the one whose config names it, and another than one along another schedule.
#[test]
fn a_network_sees_the_schedule_of_its_config_unless_it_is_told_another() {
    let (t, x) = points();
    let check = |named: &dyn Network, told: &dyn Network, other: &dyn Network| {
        let value = |network: &dyn Network| network.value(&t, &x, &Given::Nothing);
        assert!(value(named).equal(&value(told)));
        assert!(value(&*told.duplicate().unwrap()).equal(&value(told)));
        for network in [other, &*other.duplicate().unwrap()] {
            assert!(largest_difference(&value(network), &value(told)) > 1e-3);
        }
    };
    let (from, to) = (ScheduleKind::default(), ScheduleKind::Linear);
    let init = |config: MlpConfig| moved(config.init(4, &mut draw(), OPTIONS).unwrap());
    let along = |schedule: Arc<dyn Schedule>| init(mlp(from)).along(schedule);
    check(&init(mlp(to)), &along(Arc::new(Linear)), &along(Arc::new(Squared)));
    let init = |config: ResidualMlpConfig| moved(config.init(4, &mut draw(), OPTIONS).unwrap());
    let along = |schedule: Arc<dyn Schedule>| init(residual(from)).along(schedule);
    check(&init(residual(to)), &along(Arc::new(Linear)), &along(Arc::new(Squared)));
    let init = |config: UNetConfig| moved(config.init(4, &mut draw(), OPTIONS).unwrap());
    let along = |schedule: Arc<dyn Schedule>| init(u_net(from)).along(schedule);
    check(&init(u_net(to)), &along(Arc::new(Linear)), &along(Arc::new(Squared)));
    check(&init(u_net(from)), &along(Arc::new(Trigonometric)), &along(Arc::new(Linear)));
}

#[test]
fn tangents_are_exact_along_any_schedule() {
    let (t, x) = points();
    let perceptron = moved(mlp(ScheduleKind::default()).init(4, &mut draw(), OPTIONS).unwrap());
    let wide = moved(residual(ScheduleKind::default()).init(4, &mut draw(), OPTIONS).unwrap());
    let networks: [Box<dyn Network>; 2] =
        [Box::new(perceptron.along(Arc::new(Squared))), Box::new(wide.along(Arc::new(Squared)))];
    for network in &networks {
        let field = At::new(&**network, &Given::Nothing);
        let (_, divergence) = field.value_and_divergence(&t, &x);
        let (_, expected) = divergence_by_reverse_mode(&field, &t, &x);
        assert!(expected.abs().max().double_value(&[]) > 1e-3);
        assert!(largest_difference(&divergence, &expected) < 1e-10);
    }
}

#[test]
fn a_config_that_names_no_schedule_means_the_default_and_is_written_as_it_was() {
    let text = "n_octaves = 2\nends = \"both\"\n";
    let read: StateFeatures = toml::from_str(text).unwrap();
    assert_eq!(read, features(ScheduleKind::Trigonometric));
    assert_eq!(toml::to_string(&read).unwrap(), text);
    let text = "kind = \"fourier\"\nn_frequencies = 1\nn_log_frequencies = 2\n";
    let read: TimeEmbedding = toml::from_str(text).unwrap();
    assert_eq!(read, clock(ScheduleKind::Trigonometric));
    assert_eq!(toml::to_string(&read).unwrap(), text);
    let linear: StateFeatures =
        toml::from_str("n_octaves = 2\nends = \"both\"\nschedule = \"linear\"").unwrap();
    assert_eq!(linear, features(ScheduleKind::Linear));
    assert!(toml::from_str::<StateFeatures>("n_octaves = 2\nschedule = \"straight\"").is_err());
}

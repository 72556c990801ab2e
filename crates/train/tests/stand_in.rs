//! Training on a second device: it never waits for the host between two reports, and learns what the CPU learns.
//!
//! One test, since the count of transfers is the process's.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod support;

use interflow_core::density::{Sampler as _, StandardNormal};
use interflow_core::interpolant::{Gamma, Interpolant, Linear, ScheduleKind};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source;
use interflow_core::tch::{Device, Kind, Tensor};
use interflow_core::{Given, GivenSpace, Network, Points, Space};
use interflow_libtorch::{Transfers, stand_in, transfers};
use interflow_models::{MlpConfig, StateFeatures, TimeEmbedding, UNetConfig};
use interflow_train::{
    Accumulate, Error, Failure, MixedPrecision, Observer, Problem, RunState, Silent, StepReport, TrainConfig,
    Trainer, VelocityMatching,
};
use support::{normals, saved, short};

/// Normal points of a class each; not a number at one step.
struct Classes {
    dim: i64,
    bad: Option<u64>,
}

impl Source for Classes {
    fn space(&self) -> Space {
        Space { dim: self.dim, given: GivenSpace::Class { n_classes: 3 } }
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Points {
        let mut draw = stream.at(step);
        let x = StandardNormal { dim: self.dim }.sample(n, &mut draw, Kind::Float);
        let x = if self.bad == Some(step) { x * f64::NAN } else { x };
        Points { x, given: Given::Class(draw.integers(n, 3)) }
    }
}

/// A network of each kind whose inputs are made anew at every call.
fn networks(device: Device) -> [Box<dyn Network>; 2] {
    let draw = &mut Stream::new(1, Purpose::Init).at(0);
    let space = Classes { dim: 16, bad: None }.space();
    let waves = StateFeatures::octaves(3);
    let time =
        TimeEmbedding::Fourier { n_frequencies: 4, n_log_frequencies: 2, schedule: ScheduleKind::default() };
    let mlp = MlpConfig { state_features: Some(waves), time_embedding: time, ..MlpConfig::new(vec![16, 16]) };
    let u_net = UNetConfig {
        head_channels: 4,
        n_groups: 2,
        n_blocks: 1,
        dropout: 0.3,
        ..UNetConfig::new([1, 4, 4], 4, vec![1, 2])
    };
    let options = (Kind::Float, device);
    [Box::new(mlp.init(space, draw, options).unwrap()), Box::new(u_net.init(space, draw, options).unwrap())]
}

fn trainer(config: TrainConfig, network: Box<dyn Network>, bad: Option<u64>) -> Trainer {
    let problem = Problem {
        target: Box::new(Classes { dim: 16, bad }),
        held_out_target: Box::new(Classes { dim: 16, bad: None }),
        ..normals(Interpolant::new(Linear, Some(Gamma::Brownian { strength: 1.0 })), 16)
    };
    Trainer::new(config, problem, network, Box::new(VelocityMatching::default()), 3).unwrap()
}

fn config(steps: u64) -> TrainConfig {
    TrainConfig {
        batch: 12,
        accumulate: 2.into(),
        clip_norm: Some(1.0),
        jitter: 0.1,
        log_every: 10,
        validate_every: 0,
        checkpoint_every: 0,
        ..short(steps)
    }
}

/// What was transferred up to each report.
#[derive(Default)]
struct Count {
    at: Vec<Transfers>,
    checkpoints: Vec<u64>,
}

impl Observer for Count {
    fn on_step(&mut self, _: &StepReport) {
        self.at.push(transfers());
    }

    fn on_checkpoint(&mut self, state: &RunState<'_>) -> Result<(), Failure> {
        self.checkpoints.push(state.step);
        Ok(())
    }
}

fn nothing_is_read_between_reports(device: Device) {
    for network in networks(device) {
        let mut count = Count::default();
        trainer(config(40), network, None).run(&mut count).unwrap();
        assert_eq!(count.at.len(), 4);
        for pair in count.at.windows(2) {
            // One transfer for the report; times, both ends, latents and classes for each step.
            assert_eq!(pair[1] - pair[0], Transfers { to_device: 10 * 5, to_host: 1 }, "{:?}", count.at);
        }
    }
}

fn weights(trainer: &Trainer) -> Vec<(String, Tensor)> {
    let weights = trainer.network().parameters().detached_copy().into_iter();
    weights.map(|(name, tensor)| (name, tensor.to_device(Device::Cpu))).collect()
}

fn it_learns_what_the_cpu_learns(device: Device) {
    // The two devices drop other numbers, so that the perceptron alone is compared.
    let run = |device: Device| {
        let [network, _] = networks(device);
        let mut trainer = trainer(config(30), network, None);
        trainer.run(&mut Silent).unwrap();
        weights(&trainer)
    };
    for ((name, found), (_, expected)) in run(device).iter().zip(&run(Device::Cpu)) {
        let difference = (found - expected).abs().max().double_value(&[]);
        assert!(difference < 1e-4, "{name} differs by {difference}");
    }
}

fn a_resumed_run_is_the_uninterrupted_one(device: Device) {
    let folder = tempfile::tempdir().unwrap();
    for (number, (network, other)) in networks(device).into_iter().zip(networks(device)).enumerate() {
        let mut whole = trainer(config(12), network, None);
        whole.run(&mut Silent).unwrap();
        let mut half = trainer(config(7), networks(device).into_iter().nth(number).unwrap(), None);
        half.run(&mut Silent).unwrap();
        let mut resumed = trainer(config(12), other, None);
        resumed.restore(&saved(&folder.path().join("half"), &half.state())).unwrap();
        resumed.run(&mut Silent).unwrap();
        for ((name, a), (_, b)) in weights(&whole).iter().zip(&weights(&resumed)) {
            assert!(a.equal(b), "{name} differs");
        }
    }
}

fn the_first_step_that_went_wrong_is_named(device: Device) {
    let config = TrainConfig { checkpoint_every: 4, log_every: 0, ..config(40) };
    let [network, _] = networks(device);
    let mut count = Count::default();
    let error = trainer(config, network, Some(17)).run(&mut count).unwrap_err();
    assert!(matches!(error, Error::NotFinite { step: 18, .. }), "{error}");
    assert_eq!(count.checkpoints, [4, 8, 12, 16]);
}

fn a_device_that_does_not_count_takes_the_whole_batch(device: Device) {
    let [network, _] = networks(device);
    let config = TrainConfig { accumulate: Accumulate::Auto, ..config(1) };
    let mut trainer = trainer(config, network, None);
    trainer.run(&mut Silent).unwrap();
    assert_eq!(trainer.config().accumulate, Accumulate::Parts(1));
    assert_eq!(trainer.state().parts, None);
}

/// What `auto` comes to on a GPU: less than bfloat16 where casts would be most of the work.
fn precision_follows_the_size(device: Device) {
    let auto = |width: i64, kind: Kind| {
        let draw = &mut Stream::new(0, Purpose::Init).at(0);
        let network = MlpConfig::new(vec![width; 3]).init(2, draw, (kind, device)).unwrap();
        MixedPrecision::Auto.resolved(&network)
    };
    assert_eq!(auto(256, Kind::Float), MixedPrecision::Tf32);
    assert_eq!(auto(2300, Kind::Float), MixedPrecision::Bf16);
    assert_eq!(auto(256, Kind::Double), MixedPrecision::Off);
}

#[test]
fn training_on_a_second_device() {
    let device = stand_in().unwrap();
    nothing_is_read_between_reports(device);
    it_learns_what_the_cpu_learns(device);
    a_resumed_run_is_the_uninterrupted_one(device);
    the_first_step_that_went_wrong_is_named(device);
    a_device_that_does_not_count_takes_the_whole_batch(device);
    precision_follows_the_size(device);
}

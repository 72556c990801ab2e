//! A step in parts is the whole step; what a network drops does not depend on where a run was interrupted.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod support;

use interflow_core::interpolant::{Gamma, Interpolant, Linear};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::tch::{Device, Kind, Tensor};
use interflow_models::UNetConfig;
use interflow_train::{MixedPrecision, Observer, Silent, StepReport, TrainConfig, Trainer, VelocityMatching};
use support::{Mlp, normals, saved, short, velocity};

#[derive(Default)]
struct Reports(Vec<StepReport>);

impl Observer for Reports {
    fn on_step(&mut self, report: &StepReport) {
        self.0.push(*report);
    }
}

/// The report of the first step and the mean of its gradients as the optimiser remembers it.
fn first_step(accumulate: i64, interpolant: Interpolant) -> (StepReport, Vec<(String, Tensor)>) {
    let config = TrainConfig { batch: 60, accumulate: accumulate.into(), log_every: 1, ..short(1) };
    let mut trainer = velocity(config, normals(interpolant, 2), Mlp::new(2, 8, 2), 1);
    let mut reports = Reports::default();
    trainer.run(&mut reports).unwrap();
    (reports.0[0], trainer.optimizer().state().exp_avg)
}

#[test]
fn a_step_in_parts_has_the_gradient_of_the_whole() {
    let paths: [fn() -> Interpolant; 2] =
        [Interpolant::trigonometric, || Interpolant::new(Linear, Some(Gamma::Brownian { strength: 1.0 }))];
    for interpolant in paths {
        let (whole, expected) = first_step(1, interpolant());
        for parts in [2, 3, 60] {
            let (report, found) = first_step(parts, interpolant());
            assert!((report.loss - whole.loss).abs() < 1e-5 * whole.loss.abs(), "{report:?} {whole:?}");
            assert!((report.grad_norm / whole.grad_norm - 1.0).abs() < 1e-5);
            assert!((report.pairs_per_sec * report.step_secs - 60.0).abs() < 1e-9);
            for ((name, expected), (_, found)) in expected.iter().zip(&found) {
                let scale = expected.abs().max().double_value(&[]);
                let difference = (expected - found).abs().max().double_value(&[]);
                assert!(scale > 0.0 && difference < 1e-5 * scale, "{name} in {parts} parts: {difference}");
            }
        }
    }
}

#[test]
fn parts_that_do_not_come_out_are_refused() {
    let refused = |config: TrainConfig| config.check().unwrap_err().to_string();
    let message = refused(TrainConfig { batch: 64, accumulate: 3.into(), ..short(1) });
    assert!(message.contains("accumulate must be a divisor of batch, found: 3"), "{message}");
    refused(TrainConfig { accumulate: 0.into(), ..short(1) });
}

fn image_trainer(steps: u64, precision: MixedPrecision) -> Trainer {
    let model = UNetConfig {
        head_channels: 4,
        n_groups: 2,
        n_blocks: 1,
        dropout: 0.3,
        ..UNetConfig::new([1, 4, 4], 4, vec![1, 2])
    };
    let draw = &mut Stream::new(1, Purpose::Init).at(0);
    let network = Box::new(model.init(16, draw, (Kind::Float, Device::Cpu)).unwrap());
    let config = TrainConfig {
        batch: 8,
        accumulate: 2.into(),
        mixed_precision: precision,
        n_validation: 200,
        validate_every: 3,
        ..short(steps)
    };
    let problem = normals(Interpolant::trigonometric(), 16);
    Trainer::new(config, problem, network, Box::new(VelocityMatching::default()), 3).unwrap()
}

#[test]
fn a_resumed_run_drops_what_the_uninterrupted_one_drops() {
    for precision in [MixedPrecision::Off, MixedPrecision::Bf16] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("half");
        let mut whole = image_trainer(6, precision);
        whole.run(&mut Silent).unwrap();
        let mut half = image_trainer(4, precision);
        half.run(&mut Silent).unwrap();
        let mut resumed = image_trainer(6, precision);
        resumed.restore(&saved(&path, &half.state())).unwrap();
        resumed.run(&mut Silent).unwrap();
        let weights = |trainer: &Trainer| trainer.network().parameters().detached_copy();
        for ((name, a), (_, b)) in weights(&whole).iter().zip(&weights(&resumed)) {
            assert!(a.equal(b), "{name} differs");
        }
    }
}

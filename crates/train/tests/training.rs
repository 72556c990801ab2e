//! The loop: it learns, checks itself, stops when told and fails loudly.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod support;

use interflow_core::Network;
use interflow_core::interpolant::Interpolant;
use interflow_train::{
    Error, ObjectiveForm, Observer, RunState, SelfCheck, Silent, StepReport, StopReason, TrainConfig,
    Trainer, VelocityMatching,
};
use support::{Mlp, normals, short, train_with, velocity};

#[derive(Default)]
struct Record {
    losses: Vec<f64>,
    checks: Vec<SelfCheck>,
    n_checkpoints: usize,
    stop: bool,
}

impl Observer for Record {
    fn on_step(&mut self, report: &StepReport) {
        self.losses.push(report.loss);
    }

    fn on_validation(&mut self, check: &SelfCheck) {
        self.checks.push(check.clone());
    }

    fn on_checkpoint(&mut self, _: &RunState<'_>) -> Result<(), interflow_train::Failure> {
        self.n_checkpoints += 1;
        Ok(())
    }

    fn interrupted(&self) -> bool {
        self.stop
    }
}

fn trainer(config: TrainConfig, interpolant: Interpolant, network: Mlp) -> Trainer {
    let dim = network.space().dim;
    velocity(config, normals(interpolant, dim), network, 1)
}

#[test]
fn self_check_of_the_exact_velocity() {
    // Between equal standard normals the trigonometric path stands still: v = 0, G = 0.
    let check = trainer(short(1), Interpolant::trigonometric(), Mlp::zero(2)).self_check(3000).unwrap();
    let balance = check.balance().unwrap();
    for estimate in [check.objective(), balance.minus_square, balance.gap] {
        assert!(estimate.mean.abs() < 1e-12 && estimate.standard_error < 1e-12, "{check:?}");
    }
    assert_eq!(check.n, 3000);
}

#[test]
fn training_lowers_the_excess_loss() {
    // Linear path between standard normals: v = (2t − 1)/((1 − t)² + t²) x, so that
    // G(v) = −D ∫(2t − 1)²/((1 − t)² + t²) dt = −D (2 − π/2) = −0.858 for D = 2.
    let config = TrainConfig { ema_decay: Some(0.99), batch: 256, validate_every: 200, ..short(600) };
    let mut trainer = trainer(config, Interpolant::linear(), Mlp::new(2, 32, 2));
    let mut record = Record::default();
    assert_eq!(trainer.run(&mut record).unwrap().stop, StopReason::Finished);
    assert_eq!((record.losses.len(), record.checks.len(), record.n_checkpoints), (60, 3, 1));
    let check = trainer.self_check(20_000).unwrap();
    let excess = check.objective().mean + 2.0 * (2.0 - std::f64::consts::FRAC_PI_2);
    assert!(excess.abs() < 4.0 * check.objective().standard_error + 0.05, "excess {excess}, {check:?}");
    let gap = check.balance().unwrap().gap;
    assert!(gap.mean.abs() < 4.0 * gap.standard_error + 0.05, "{check:?}");
}

#[test]
fn interruption_makes_a_checkpoint() {
    let mut trainer = trainer(short(50), Interpolant::linear(), Mlp::new(2, 8, 1));
    let mut record = Record { stop: true, ..Record::default() };
    let outcome = trainer.run(&mut record).unwrap();
    assert_eq!((outcome.steps, outcome.stop, record.n_checkpoints), (0, StopReason::Interrupted, 1));
}

#[test]
fn patience_runs_out() {
    let config = TrainConfig { validate_every: 5, patience: Some(2), ..short(1000) };
    // The zero field's objective is 0 at every check: the first one is the best.
    let outcome = trainer(config, Interpolant::linear(), Mlp::zero(2)).run(&mut Silent).unwrap();
    assert_eq!((outcome.steps, outcome.stop), (15, StopReason::EarlyStop));
}

#[test]
fn divergence_names_its_step() {
    let mut network = Mlp::new(2, 8, 1);
    let mut weights = network.parameters().detached_copy();
    weights[0].1 *= f64::NAN;
    network.parameters_mut().assign(&weights).unwrap();
    let error = trainer(short(9), Interpolant::linear(), network).run(&mut Silent).unwrap_err();
    assert!(matches!(error, Error::NotFinite { step: 1, .. }), "{error}");
}

#[test]
fn bad_configs_are_refused() {
    let refused = |config: TrainConfig| assert!(config.check().is_err(), "{config:?}");
    refused(TrainConfig { batch: 0, ..short(1) });
    refused(TrainConfig { ema_decay: Some(1.0), ..short(1) });
    refused(TrainConfig { patience: Some(1), validate_every: 0, ..short(1) });
    assert!(serde_json::from_str::<TrainConfig>(r#"{"stepz": 1}"#).is_err());
    let config: TrainConfig =
        serde_json::from_str(r#"{"steps": 7, "jitter": 0.1, "time": {"kind": "beta", "a": 1, "b": 0.5}}"#)
            .unwrap();
    assert_eq!(config.steps, 7);
}

/// Prints the time of a step; run with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn step_time() {
    let config = TrainConfig { batch: 256, ..short(3000) };
    let outcome = trainer(config, Interpolant::trigonometric(), Mlp::new(2, 64, 3)).run(&mut Silent).unwrap();
    println!("{:.3} ms per step", outcome.train_secs * 1e3 / outcome.steps as f64);
}

#[test]
fn average_follows_its_ramp() {
    let network = Mlp::new(2, 8, 1);
    let initial = network.parameters().detached_copy();
    let mut trainer = trainer(short(1), Interpolant::linear(), network);
    trainer.run(&mut Silent).unwrap();
    let weights = trainer.network().parameters().tensors();
    let averages = trainer.ema_network().parameters().tensors();
    for (((_, initial), weight), average) in initial.iter().zip(&weights).zip(&averages) {
        // The decay after the first step is (1 + 1)/(10 + 1).
        let expected = initial * (2.0 / 11.0) + weight * (9.0 / 11.0);
        assert!((average - expected).abs().max().double_value(&[]) < 1e-6);
    }
}

#[test]
fn first_step_has_the_length_of_the_learning_rate() {
    let config = TrainConfig { batch: 16, ..short(1) };
    let network = Mlp::new(2, 8, 1);
    let initial = network.parameters().detached_copy();
    let objective = VelocityMatching { form: ObjectiveForm::MeanSquare };
    let mut trainer = train_with(objective, config, normals(Interpolant::linear(), 2), network, 1).unwrap();
    trainer.run(&mut Silent).unwrap();
    // The first step of Adam has the length of the learning rate in every coordinate with a gradient.
    for ((_, initial), weight) in initial.iter().zip(trainer.network().parameters().tensors()) {
        let moved = (weight - initial).abs().max().double_value(&[]);
        assert!((moved - 1e-3).abs() < 1e-5, "{moved}");
    }
}

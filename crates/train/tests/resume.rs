//! Resuming computes the bits of the uninterrupted run; damaged files are refused.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use interflow_core::interpolant::{Gamma, Interpolant, Linear};
use interflow_core::tch::Tensor;
use interflow_train::{
    Checkpoint, Error, MuonConfig, OptimizerConfig, ScheduleConfig, Silent, StopReason, TrainConfig, Trainer,
};
use support::{Mlp, normals, short, velocity};

fn config(steps: u64) -> TrainConfig {
    TrainConfig {
        validate_every: 50,
        clip_norm: Some(1.0),
        schedule: ScheduleConfig::Exponential { decay: 0.99 },
        warmup_steps: 10,
        optimizer: OptimizerConfig { muon: Some(MuonConfig::default()), ..OptimizerConfig::default() },
        ..short(steps)
    }
}

fn trainer(steps: u64, seed: u64) -> Trainer {
    let interpolant = Interpolant::new(Linear, Some(Gamma::Brownian { strength: 1.0 }));
    velocity(config(steps), normals(interpolant, 2), Mlp::new(2, 16, 2), seed)
}

fn texts() -> BTreeMap<String, String> {
    let texts = [("manifest", "dim = 2"), ("experiment", "steps = 1")];
    texts.map(|(name, text)| (name.to_owned(), text.to_owned())).into()
}

fn saved(path: &Path, steps: u64) -> Checkpoint {
    let mut trainer = trainer(steps, 5);
    trainer.run(&mut Silent).unwrap();
    Checkpoint::save(path, &trainer.state(), &texts()).unwrap();
    Checkpoint::load(path).unwrap()
}

fn assert_same(a: &[(String, Tensor)], b: &[(String, Tensor)]) {
    assert_eq!(a.len(), b.len());
    assert!(!a.is_empty());
    for ((name, a), (other, b)) in a.iter().zip(b) {
        assert_eq!(name, other);
        assert!(a.equal(b), "{name} differs");
    }
}

#[test]
fn resumed_run_is_the_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let whole = saved(&folder.path().join("whole"), 200);
    let half = saved(&folder.path().join("half"), 120);
    assert_eq!((half.step, half.seed), (120, 5));
    assert_eq!(half.texts, texts());
    let mut resumed = trainer(200, 99);
    resumed.restore(&half).unwrap();
    let outcome = resumed.run(&mut Silent).unwrap();
    assert_eq!((outcome.steps, outcome.stop), (200, StopReason::Finished));
    let path = folder.path().join("resumed");
    let resumed = support::saved(&path, &resumed.state());
    assert!(resumed.texts.is_empty());
    assert_same(&whole.model, &resumed.model);
    assert_same(whole.ema.as_ref().unwrap(), resumed.ema.as_ref().unwrap());
    assert_same(&whole.optimizer.exp_avg, &resumed.optimizer.exp_avg);
    assert_same(&whole.optimizer.exp_avg_sq, &resumed.optimizer.exp_avg_sq);
    assert_eq!(whole.best_objective.map(f64::to_bits), resumed.best_objective.map(f64::to_bits));
    assert_eq!(whole.n_worse, resumed.n_worse);
    assert_same(resumed.network_weights(), resumed.ema.as_ref().unwrap());
}

#[test]
fn damaged_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    saved(&path, 3);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a partial file was left behind");
    let good = fs::read(&path).unwrap();
    let check = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = Checkpoint::load(&path).unwrap_err();
        assert!(matches!(error, Error::Checkpoint { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("state") && text.contains("hint: "), "{text}");
    };
    for length in [0, 7, 100, good.len() / 2, good.len() - 1] {
        check(&good[..length]);
    }
    for position in (0..good.len()).step_by(good.len() / 97) {
        let mut bad = good.clone();
        bad[position] ^= 1;
        check(&bad);
    }
    fs::write(&path, &good).unwrap();
    assert!(Checkpoint::load(&path).is_ok());
}

#[test]
fn another_networks_checkpoint_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = saved(&folder.path().join("state"), 3);
    let problem = || normals(Interpolant::linear(), 2);
    let mut wider = velocity(config(9), problem(), Mlp::new(2, 17, 2), 0);
    assert!(wider.restore(&checkpoint).is_err());
    let without = TrainConfig { ema_decay: None, ..config(9) };
    let mut without = velocity(without, problem(), Mlp::new(2, 16, 2), 0);
    assert!(matches!(without.restore(&checkpoint), Err(Error::Mismatch { .. })));
    assert_eq!(without.step(), 0);
}

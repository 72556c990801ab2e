//! Checkpoints: what they say of their flow, damaged ones, and those of earlier versions.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::{Path, PathBuf};

use interflow_flow::checkpoint::{self, EXPERIMENT, MANIFEST};
use interflow_flow::{Experiment, ExperimentConfig, Flow, FlowManifest};
use interflow_train::Checkpoint;

/// A tiny run's newest checkpoint in a folder of its own.
fn run() -> (tempfile::TempDir, PathBuf) {
    let out = tempfile::tempdir().unwrap();
    let overrides = ["train.steps=10".to_owned()];
    let config = ExperimentConfig::from_toml(include_str!("tiny.toml"), "tiny.toml", &overrides).unwrap();
    let trained = Experiment::new(config).out(out.path()).train().unwrap();
    let file = checkpoint::find(trained.folder.unwrap().path()).unwrap();
    (out, file)
}

#[test]
fn a_checkpoint_carries_what_its_flow_is_and_what_the_user_wrote() {
    let (_out, file) = run();
    let texts = Checkpoint::load(&file).unwrap().texts;
    let manifest = FlowManifest::from_toml(&texts[MANIFEST]).unwrap();
    assert_eq!(FlowManifest::from_toml(&manifest.to_toml().unwrap()).unwrap(), manifest);
    let config = ExperimentConfig::from_toml(&texts[EXPERIMENT], "the config", &[]).unwrap();
    assert_eq!((config.train.steps, manifest.space.dim), (10, 2));
    let text = texts[MANIFEST].replacen("seed", "sead", 1);
    let message = FlowManifest::from_toml(&text).unwrap_err().to_string();
    assert!(message.contains("the checkpoint's manifest") && message.contains("`seed`"), "{message}");
}

#[test]
fn damaged_checkpoints_are_refused() {
    let (_out, file) = run();
    let whole = std::fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    let place = whole.len() * 3 / 4;
    flipped[place] ^= 1;
    for bytes in [&whole[..whole.len() / 2], &flipped[..], b"no checkpoint"] {
        std::fs::write(&file, bytes).unwrap();
        let Err(error) = Flow::load(&file) else { panic!("a damaged checkpoint was used") };
        assert!(error.to_string().contains("safetensors"), "{error}");
    }
}

#[test]
fn a_flow_is_saved_alone() {
    let (out, file) = run();
    let flow = Flow::load(&file).unwrap();
    let alone = out.path().join("flow.safetensors");
    flow.save(&alone).unwrap();
    let again = Flow::load(&alone).unwrap();
    assert_eq!(flow.manifest(), again.manifest());
    assert!(flow.sample(9, 2).unwrap() == again.sample(9, 2).unwrap());
    assert!(alone.metadata().unwrap().len() < file.metadata().unwrap().len());
}

#[test]
fn nothing_is_found_where_there_is_nothing() {
    let empty = tempfile::tempdir().unwrap();
    let Err(error) = Flow::load(empty.path()) else { panic!("a flow was found in an empty folder") };
    assert!(error.to_string().contains("no checkpoint file"), "{error}");
}

/// Version 0.1.0 before manifests trained `tests/src/tiny.toml` for 200 steps and drew these by `sample RUN -n 40 --seed 3`.
#[test]
fn a_checkpoint_without_a_manifest_gives_the_samples_that_it_gave() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/v1/mlp.safetensors");
    let flow = Flow::load(file).unwrap();
    let samples = flow.sample(40, 3).unwrap();
    for (row, expected) in OLD_SAMPLES.iter().enumerate() {
        for (column, expected) in expected.iter().enumerate() {
            let found = samples.double_value(&[row as i64, column as i64]);
            assert!((found - expected).abs() < 1e-5, "sample {row} is at {found}, was at {expected}");
        }
    }
}

/// The first of those samples.
const OLD_SAMPLES: [[f64; 2]; 4] =
    [[-2.547_898, -0.119_699], [1.703_017, 1.473_381], [1.054_921, 0.010_633], [0.007_042, -1.443_161]];

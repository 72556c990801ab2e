//! Whole experiments, in small, on a device that is not the CPU.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::Path;

use interflow_flow::checkpoint;
use interflow_libtorch::stand_in;
use interflow_study::{ConfigText, Runner};
use interflow_train::{Checkpoint, Silent};
use tch::{Device, Kind, Tensor};
use toml::Table;

/// What a table of the config becomes, where it has the key.
const SMALL: [(&str, &str, i64); 17] = [
    ("train", "steps", 4),
    ("train", "batch", 64),
    ("train", "warmup_steps", 0),
    ("train", "log_every", 2),
    ("train", "validate_every", 2),
    ("train", "checkpoint_every", 2),
    ("train", "n_validation", 64),
    ("evaluation", "n_test", 24),
    ("evaluation", "batch", 16),
    ("evaluation", "n_two_sample", 24),
    ("study", "n", 24),
    ("study", "n_samples", 24),
    ("study", "n_two_sample", 24),
    ("study", "steps", 4),
    ("study", "n_density", 3),
    ("study", "n_order", 8),
    ("study", "nfe", 12),
];

/// The config with small numbers: networks of one narrow layer, few steps and points.
fn small(text: &str) -> String {
    let mut config: Table = text.parse().unwrap();
    for (table, key, value) in SMALL {
        if let Some(entry) = config.get_mut(table).and_then(|table| table.get_mut(key)) {
            *entry = value.into();
        }
    }
    for network in ["model", "denoiser"] {
        if let Some(hidden) = config.get_mut(network).and_then(|table| table.get_mut("hidden")) {
            *hidden = vec![8i64].into();
        }
    }
    // Where gradients are zero but for rounding, Adam would make steps of it.
    if let Some(train) = config.get_mut("train").and_then(|train| train.as_table_mut()) {
        train.insert("mixed_precision".to_owned(), "off".into());
        train["optimizer"]["epsilon"] = 1e-3.into();
    }
    if let Some(solver) = config.get_mut("solver").and_then(|solver| solver.as_table_mut()) {
        solver.insert("rtol".to_owned(), 0.3.into());
        solver.insert("atol".to_owned(), 0.3.into());
    }
    for list in ["times", "epsilons"] {
        if let Some(values) = config.get_mut("study").and_then(|study| study.get_mut(list)?.as_array_mut()) {
            values.truncate(2);
        }
    }
    config.insert("threads".to_owned(), 1.into());
    toml::to_string(&config).unwrap()
}

/// The weights that an experiment ends with.
fn weights(text: &str, name: &str, device: Device) -> Vec<(String, Tensor)> {
    let out = tempfile::tempdir().unwrap();
    let runner = Runner { out: out.path().to_owned(), device, ..Runner::default() };
    let config = ConfigText { text, place: name, overrides: &[] };
    let finished = runner.experiment(&config, &mut Silent);
    let finished =
        finished.unwrap_or_else(|error| panic!("{name} on {device:?}: {error:?}")).finished().unwrap();
    let Ok(file) = checkpoint::find(finished.folder.path()) else { return Vec::new() };
    Checkpoint::load(&file).unwrap().model
}

/// Images, samples only at both ends with a denoiser and its stochastic equation, guidance by an observation, and a study
/// without training. Learned paths and couplings are among the checks of `interflow-benches`.
const EXPERIMENTS: [&str; 5] =
    ["digits", "mirror", "posterior-eight-gaussians", "rings-to-checkerboard", "gmm-exact"];
/// Those whose weights are compared with the CPU's.
const COMPARED: [&str; 2] = ["digits", "mirror"];

#[test]
fn experiments_run_on_a_second_device_as_on_the_cpu() {
    let device = stand_in().unwrap();
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    for name in EXPERIMENTS {
        let text = small(&std::fs::read_to_string(configs.join(name).with_extension("toml")).unwrap());
        let found = weights(&text, name, device);
        if !COMPARED.contains(&name) {
            continue;
        }
        let expected = weights(&text, name, Device::Cpu);
        assert!(found.len() == expected.len() && found.len() >= 8, "{name}: {} weights", found.len());
        for ((weight, found), (_, expected)) in found.iter().zip(expected) {
            let off = (found - &expected).abs().max().to_kind(Kind::Double).double_value(&[]);
            assert!(off < 1e-3, "{name}, {weight}: {off}");
        }
    }
}

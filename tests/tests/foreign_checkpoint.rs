//! Whole and undamaged files that are not the checkpoint of a run are refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::Path;

use interflow_core::coupling::Independent;
use interflow_core::density::StandardNormal;
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::{Fresh, Source};
use interflow_core::tch::{Device, Kind};
use interflow_models::MlpConfig;
use interflow_tests::Playground;
use interflow_train::{Checkpoint, Problem, TrainConfig, Trainer};

/// Writes a checkpoint of an untrained perceptron on `dim` dimensions that claims to have the config `text`.
fn save(file: &Path, dim: i64, hidden: &[i64], text: &str) {
    let source = || -> Box<dyn Source> { Box::new(Fresh(StandardNormal { dim })) };
    let problem = Problem {
        interpolant: Interpolant::trigonometric(),
        coupling: Box::new(Independent),
        base: source(),
        target: source(),
        base_density: None,
        held_out_base: source(),
        held_out_target: source(),
    };
    let mut init = Stream::new(0, Purpose::Init).at(0);
    let mlp = MlpConfig::new(hidden.to_vec()).init(dim, &mut init, (Kind::Float, Device::Cpu)).unwrap();
    let trainer = Trainer::new(TrainConfig::default(), problem, Box::new(mlp), 7).unwrap();
    Checkpoint::save(file, &trainer, text).unwrap();
}

fn check(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

#[test]
fn weights_of_another_network_are_refused() {
    let playground = Playground::new();
    playground.succeed("train tiny.toml --set train.steps=10");
    let run = playground.run_folder("runs");
    let config = std::fs::read_to_string(run.join("config.toml")).unwrap();
    for (dim, hidden) in [(2, &[16, 32][..]), (2, &[32]), (2, &[32, 32, 32]), (3, &[32, 32])] {
        save(&playground.path().join("other.safetensors"), dim, hidden, &config);
        let message = playground.fail("sample other.safetensors --out s.csv");
        check(&message, &["other.safetensors", "weights are not of the network", "parameter `", "hint: "]);
        assert!(!playground.path().join("s.csv").exists());
    }
    // The same weights under the right config are a checkpoint.
    save(&playground.path().join("own.safetensors"), 2, &[32, 32], &config);
    playground.succeed("sample own.safetensors -n 3");
}

#[test]
fn a_run_is_not_resumed_with_the_weights_of_another() {
    let playground = Playground::new();
    playground.succeed("train tiny.toml --set train.steps=10");
    let run = playground.run_folder("runs");
    let config = std::fs::read_to_string(run.join("config.toml")).unwrap();
    let foreign = run.join("checkpoints/step-0000000020.safetensors");
    save(&foreign, 2, &[16, 32], &config);
    let message = playground.fail(&format!("train tiny.toml --resume {}", run.display()));
    check(&message, &["cannot resume", "not of the network", "hint: name another checkpoint"]);
    let older = run.join("checkpoints/step-0000000010.safetensors");
    playground.succeed(&format!("train tiny.toml --set train.steps=15 --resume {}", older.display()));
}

#[test]
fn a_checkpoint_with_an_unreadable_config_is_refused() {
    let playground = Playground::new();
    for (config, part) in [("", "missing field `name`"), ("name = 3", "line 1"), ("no = toml =", "line 1")] {
        save(&playground.path().join("other.safetensors"), 2, &[8], config);
        check(&playground.fail("sample other.safetensors"), &["the checkpoint's config", part]);
    }
}

#[test]
fn a_safetensors_file_of_another_program_is_refused() {
    let playground = Playground::new();
    let header = r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &1f32.to_le_bytes()].concat();
    std::fs::write(playground.path().join("other.safetensors"), bytes).unwrap();
    for command in ["sample other.safetensors", "inspect other.safetensors", "evaluate other.safetensors"] {
        check(
            &playground.fail(command),
            &["other.safetensors", "not a checkpoint of this program", "hint: "],
        );
    }
}

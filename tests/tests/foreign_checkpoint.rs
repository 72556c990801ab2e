//! Whole and undamaged files that are not the checkpoint of a run are refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeMap;
use std::path::Path;

use interflow_core::coupling::Independent;
use interflow_core::density::StandardNormal;
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::{Fresh, Source};
use interflow_core::tch::{Device, Kind};
use interflow_models::MlpConfig;
use interflow_tests::{Playground, workspace};
use interflow_train::{Checkpoint, Problem, TrainConfig, Trainer, VelocityMatching};

type Texts = BTreeMap<String, String>;

/// Writes a checkpoint of an untrained perceptron on `dim` dimensions that claims to be of the flow of `texts`.
fn save(file: &Path, dim: i64, hidden: &[i64], texts: &Texts) {
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
    let objective = Box::new(VelocityMatching::default());
    let trainer = Trainer::new(TrainConfig::default(), problem, Box::new(mlp), objective, 7).unwrap();
    Checkpoint::save(file, &trainer.state(), texts).unwrap();
}

/// What the only checkpoint of a run says of its flow and its experiment.
fn texts(run: &Path) -> Texts {
    Checkpoint::load(&run.join("checkpoints/step-0000000010.safetensors")).unwrap().texts
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
    let texts = texts(&run);
    for (dim, hidden) in [(2, &[16, 32][..]), (2, &[32]), (2, &[32, 32, 32]), (3, &[32, 32])] {
        save(&playground.path().join("other.safetensors"), dim, hidden, &texts);
        let message = playground.fail("sample other.safetensors --out s.csv");
        check(&message, &["other.safetensors", "weights are not of the network", "hint: "]);
        assert!(!playground.path().join("s.csv").exists());
    }
    // The same weights under the right config are a checkpoint.
    save(&playground.path().join("own.safetensors"), 2, &[32, 32], &texts);
    playground.succeed("sample own.safetensors -n 3");
}

#[test]
fn a_run_is_not_resumed_with_the_weights_of_another() {
    let playground = Playground::new();
    playground.succeed("train tiny.toml --set train.steps=10");
    let run = playground.run_folder("runs");
    let texts = texts(&run);
    let foreign = run.join("checkpoints/step-0000000020.safetensors");
    save(&foreign, 2, &[16, 32], &texts);
    let message = playground.fail(&format!("train tiny.toml --resume {}", run.display()));
    check(&message, &["cannot resume", "not of the network", "hint: name another checkpoint"]);
    let older = run.join("checkpoints/step-0000000010.safetensors");
    playground.succeed(&format!("train tiny.toml --set train.steps=15 --resume {}", older.display()));
}

#[test]
fn a_checkpoint_with_an_unreadable_manifest_is_refused() {
    let playground = Playground::new();
    let file = playground.path().join("other.safetensors");
    for (manifest, part) in [("", "missing field `name`"), ("name = 3", "line 1"), ("no = toml =", "line 1")]
    {
        save(&file, 2, &[8], &Texts::from([("manifest".to_owned(), manifest.to_owned())]));
        check(&playground.fail("sample other.safetensors"), &["the checkpoint's manifest", part]);
    }
    // Before there were manifests a checkpoint carried the config.
    for (config, part) in
        [("", "names no dimension"), ("name = 3", "names no dimension"), ("no = toml =", "line 1")]
    {
        save(&file, 2, &[8], &Texts::from([("config".to_owned(), config.to_owned())]));
        check(&playground.fail("sample other.safetensors"), &["the checkpoint's config", part]);
    }
    save(&file, 2, &[8], &Texts::new());
    check(&playground.fail("sample other.safetensors"), &["says nothing of its flow", "hint: "]);
}

/// What was written before there were manifests is used, if this version can, but not trained on.
#[test]
fn a_checkpoint_of_the_first_format_is_used_and_not_resumed() {
    let playground = Playground::new();
    let old = workspace().join("crates/flow/tests/v1/mlp.safetensors");
    let run = playground.path().join("old");
    std::fs::create_dir_all(run.join("checkpoints")).unwrap();
    std::fs::copy(old, run.join("checkpoints/step-0000000020.safetensors")).unwrap();
    assert_eq!(playground.succeed("sample old -n 3").lines().count(), 4);
    let tiny = std::fs::read_to_string(playground.path().join("tiny.toml")).unwrap();
    playground.write("old/config.toml", &tiny);
    let message = playground.fail("train tiny.toml --resume old");
    check(&message, &["cannot resume", "earlier version", "hint: its flow can be used as it is"]);
}

#[test]
fn a_checkpoint_whose_conditions_were_coordinates_is_refused() {
    let playground = Playground::new();
    let config =
        "name = \"t\"\ndim = 2\nunits.target = [{ name = \"a\", mean = 1.0, deviation = 2.0, given = true }]";
    let texts = Texts::from([("config".to_owned(), config.to_owned())]);
    save(&playground.path().join("old.safetensors"), 2, &[8], &texts);
    check(
        &playground.fail("sample old.safetensors"),
        &["conditions were coordinates", "hint: train the flow anew"],
    );
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

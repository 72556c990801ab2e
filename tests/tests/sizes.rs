//! Sizes in configs, arguments and checkpoints that no machine has are refused before any of it is made.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use interflow_core::rng::{Purpose, Stream};
use interflow_core::tch::{Device, Kind};
use interflow_models::MlpConfig;
use interflow_tests::{Playground, refused};
use interflow_train::{Checkpoint, RunState};

#[test]
fn sizes_that_no_machine_has_are_refused() {
    for (setting, parts) in [
        (
            "train.batch=1000000000000",
            &["train.batch = 1000000000000 of dimension 2 needs 32 TB", "has: "][..],
        ),
        ("train.batch=9223372036854775807", &["batch", "9.223372036854776e18"]),
        ("train.n_validation=9223372036854775807", &["n_validation"]),
        ("evaluation.n_test=1000000000000", &["evaluation.n_test", "of memory"]),
        ("evaluation.n_test=9223372036854775807", &["n_test"]),
        ("evaluation.batch=9223372036854775807", &["batch"]),
        ("evaluation.n_two_sample=4611686018427387904", &["n_two_sample"]),
        ("threads=2147483648", &["threads"]),
        ("model.hidden=[1000000, 1000000]", &["[model], 1.0e12 weights", "of memory"]),
        ("model.hidden=[9223372036854775807]", &["hidden"]),
        ("model.time_embedding={ kind = \"fourier\", n_frequencies = 9007199254740992 }", &["n_frequencies"]),
        (
            "model.time_embedding={ kind = \"fourier\", n_frequencies = 4, n_log_frequencies = 4294967296 }",
            &["n_log"],
        ),
        ("model={ kind = \"residual-mlp\", width = 1000000, n_blocks = 1 }", &["weights", "of memory"]),
        ("model={ kind = \"residual-mlp\", width = 8, n_blocks = 9000000000 }", &["n_blocks"]),
        (
            "model={ kind = \"u-net\", shape = [1, 8, 8], width = 9000000000000, multipliers = [9000000000] }",
            &["width"],
        ),
        ("coupling={ kind = \"exact\", block = 0 }", &["block"]),
        ("path={ family = { kind = \"fourier\", n_modes = 9007199254740992 }, start = 0 }", &["n_modes"]),
        (
            "target.density={ kind = \"random-mixture\", dim = 1000000, n_components = 1000 }",
            &["mixture", "of memory"],
        ),
    ] {
        let message = refused(setting);
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in the message for {setting}: {message}");
        }
    }
    let playground = Playground::new();
    playground.edit("batch = 64", "batch = 200000");
    let message = playground.fail("train tiny.toml --set coupling={kind=\"exact\"}");
    assert!(message.contains("200000 pairs at a time, all costs between them needs 320 GB"), "{message}");
    for arguments in ["train tiny.toml --threads 2147483648", "train tiny.toml --threads 0"] {
        let output = playground.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
    }
}

#[test]
fn counts_that_no_machine_has_are_refused() {
    let playground = Playground::new();
    let run = playground.succeed("train tiny.toml --set train.steps=10");
    let message = playground.fail(&format!("sample {} -n 1000000000000", run.trim()));
    assert!(message.contains("1000000000000 samples of dimension 2 needs 16 TB"), "{message}");
    for arguments in ["-n 9223372036854775808", "-n 18446744073709551616", "--threads 2147483648"] {
        let output = playground.run(&format!("sample {} {arguments}", run.trim()));
        assert_eq!(output.status.code(), Some(2), "{arguments}");
    }
}

/// A checkpoint of a tiny flow whose texts were edited, with a right SHA-256.
fn edited_checkpoint(playground: &Playground, edits: &[(&str, &str)]) -> std::path::PathBuf {
    let run = playground.path().join(playground.succeed("train tiny.toml --set train.steps=10").trim());
    let whole = Checkpoint::load(&run.join("checkpoints/step-0000000010.safetensors")).unwrap();
    let mut draw = Stream::new(7, Purpose::Test).at(0);
    let network = MlpConfig::new(vec![32, 32]).init(2, &mut draw, (Kind::Float, Device::Cpu)).unwrap();
    let mut texts = whole.texts;
    for (old, new) in edits {
        let mut found = false;
        for text in texts.values_mut() {
            found |= text.contains(old);
            *text = text.replacen(old, new, 1);
        }
        assert!(found, "{old:?} is in none of {texts:?}");
    }
    let path = playground.path().join("edited.safetensors");
    Checkpoint::save(&path, &RunState::of(&network, 10, 7), &texts).unwrap();
    path
}

#[test]
fn a_checkpoint_that_asks_for_more_than_it_holds_is_refused() {
    for (old, new, part) in [
        ("dim = 2", "dim = 1000000000", "expected: at least"),
        ("dim = 2", "dim = 9223372036854775807", "the dimension"),
        ("dim = 2", "dim = 3", "expected: at least"),
        ("batch = 100", "batch = 0", "batch must be at least 1"),
        ("batch = 100", "batch = 9223372036854775807", "batch must be at least 1"),
        ("threads = 1", "threads = 4000000000", "threads must be at least 1"),
        ("hidden = [\n    32,\n    32,\n]", "hidden = [900000, 900000]", "expected: at least"),
        ("hidden = [\n    32,\n    32,\n]", "hidden = [32, 32, 32]", "expected: at least"),
        ("n_frequencies = 8", "n_frequencies = 9007199254740992", "n_frequencies"),
        ("rtol = 0.001", "rtol = -1.0", "rtol"),
        (
            "[target]\n",
            "[target.images]\nchannels = 1\nheight = 1\nwidth = 9\nn_levels = 16\n[target]\n",
            "images",
        ),
        ("extent = ", "extent = -", "extent"),
    ] {
        let playground = Playground::new();
        let checkpoint = edited_checkpoint(&playground, &[(old, new)]);
        let message = playground.fail(&format!("sample {} -n 2", checkpoint.display()));
        assert!(
            message.contains(part) && message.contains("edited.safetensors"),
            "{old} -> {new}: {message}"
        );
    }
    let playground = Playground::new();
    let checkpoint = edited_checkpoint(&playground, &[("n_test = 200", "n_test = 1000000000000")]);
    playground.succeed(&format!("sample {} -n 2", checkpoint.display()));
    let message = playground.fail(&format!("evaluate {}", checkpoint.display()));
    assert!(message.contains("evaluation.n_test = 1000000000000 of dimension 2 needs 16 TB"), "{message}");
}

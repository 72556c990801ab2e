//! Flows of images, from their files to samples and densities.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::{Path, PathBuf};

use interflow_tests::Playground;
use serde_json::Value;

/// `tiny.toml` with digits as its target.
fn digits(rest: &str) -> Playground {
    let playground = Playground::new();
    let target = "kind = \"synthetic\"\ndensity = { kind = \"eight-gaussians\" }";
    playground.edit(target, &format!("kind = \"images\"\nsource = {{ kind = \"digits\" }}\n{rest}"));
    playground
}

fn weights(run: &Path) -> Vec<u8> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(run.join("checkpoints")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let bytes = std::fs::read(files.pop().unwrap()).unwrap();
    let (length, rest) = bytes.split_first_chunk::<8>().unwrap();
    rest[u64::from_le_bytes(*length) as usize..].to_vec()
}

#[test]
fn digits_need_no_data_and_are_trained_sampled_and_judged() {
    let playground = digits("flip = false");
    let account = playground.succeed("experiment tiny.toml --json --set evaluation.n_test=20");
    let result: Value = serde_json::from_str(&account).unwrap();
    // Levels of equal probability have log2 17 = 4.09 bits.
    let bits = result["bits_per_dim"]["mean"].as_f64().unwrap();
    assert!(bits < 6.0, "{result}");
    assert_eq!(result["n_test"], 20);
    playground.succeed(&format!("sample {} -n 3 -o digits", result["run"].as_str().unwrap()));
    assert_eq!(std::fs::read_dir(playground.path().join("digits")).unwrap().count(), 3);
}

/// Batches are made ahead on threads, yet a resumed run sees those that it would have seen.
#[test]
fn a_resumed_run_has_the_weights_of_an_uninterrupted_one() {
    let playground = digits("class_conditional = { dropout = 0.1 }");
    playground.succeed("train tiny.toml --out whole --set train.steps=60");
    playground.succeed("train tiny.toml --out cut --set train.steps=60 --set train.checkpoint_every=25");
    let (whole, cut) = (playground.run_folder("whole"), playground.run_folder("cut"));
    assert!(weights(&whole) == weights(&cut), "a checkpoint on the way changes the weights");
    // Back to the first checkpoint.
    let checkpoints = cut.join("checkpoints");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&checkpoints).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().skip(1).for_each(|file| std::fs::remove_file(file).unwrap());
    playground.succeed(&format!(
        "train tiny.toml --resume {} --set train.steps=60 --set train.checkpoint_every=25",
        cut.display()
    ));
    assert!(weights(&whole) == weights(&cut), "the final weights differ");
}

#[test]
fn what_is_missing_or_makes_no_sense_is_refused_with_a_hint() {
    let check = |rest: &str, set: &str, parts: &[&str]| {
        let message = digits(rest).fail(&format!("train tiny.toml --data none {set}"));
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in: {message}");
        }
    };
    let cifar10 = "--set target.source={kind=\"cifar10\"}";
    check("", cifar10, &["test_batch.bin", "cargo xtask data cifar10"]);
    check("class_conditional = { dropout = 1.5 }", "", &["dropout must be in 0..1, found: 1.5"]);
    let net =
        |rest: &str| format!("--set model={{kind=\"u-net\",width=8,multipliers=[1],head_channels=8,{rest}}}");
    check("", &net("shape=[1,4,16]"), &["model.shape", "[1, 8, 8]", "found: [1, 4, 16]"]);
    let classes = "class_conditional = { dropout = 0.1 }";
    check(
        classes,
        &net("shape=[1,8,8],n_classes=3"),
        &["unknown field `n_classes`", "hint: the data say how many"],
    );
    check("flipp = true", "", &["flipp", "did you mean `flip`"]);
    check("", "--set target.source={kind=\"folder\",path=\"x\",side=0}", &["side must be in 1..=4096"]);
}

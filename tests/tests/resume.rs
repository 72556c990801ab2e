//! A killed and resumed run equals an uninterrupted one, and damaged checkpoints are refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use interflow_tests::Playground;

fn newest_checkpoint(run: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(run.join("checkpoints")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.pop().expect("a checkpoint")
}

/// A safetensors file's header, whose order of keys is free, and its tensors' bytes.
fn parts(file: &Path) -> (serde_json::Value, Vec<u8>) {
    let bytes = std::fs::read(file).unwrap();
    let (length, rest) = bytes.split_first_chunk::<8>().unwrap();
    let (header, tensors) = rest.split_at(u64::from_le_bytes(*length) as usize);
    (serde_json::from_slice(header).unwrap(), tensors.to_vec())
}

/// The bytes of a run's final weights: samples are a function of them.
fn samples(playground: &Playground, run: &Path) -> String {
    playground.succeed(&format!("sample {} -n 20", run.display()))
}

fn metrics(run: &Path) -> String {
    std::fs::read_to_string(run.join("metrics.jsonl")).unwrap()
}

#[test]
fn a_run_killed_in_the_middle_and_resumed_equals_an_uninterrupted_one() {
    let playground = Playground::new();
    playground.succeed("train tiny.toml --out whole");
    let mut child = playground.command("train tiny.toml --out cut").spawn().unwrap();
    wait_for_checkpoint(&playground.path().join("cut/tiny"));
    child.kill().unwrap();
    child.wait().unwrap();
    let (whole, cut) = (playground.run_folder("whole"), playground.run_folder("cut"));
    playground.succeed(&format!("train tiny.toml --resume {}", cut.display()));
    let (whole_header, whole_bytes) = parts(&newest_checkpoint(&whole));
    let (cut_header, cut_bytes) = parts(&newest_checkpoint(&cut));
    assert_eq!(whole_header, cut_header);
    assert!(whole_bytes == cut_bytes, "the final weights or the optimiser's state differ");
    assert_eq!(metrics(&whole), metrics(&cut));
    assert_eq!(samples(&playground, &whole), samples(&playground, &cut));
}

fn wait_for_checkpoint(runs: &Path) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_mins(1) {
        let checkpoints = std::fs::read_dir(runs).into_iter().flatten().flatten().flat_map(|run| {
            std::fs::read_dir(run.path().join("checkpoints")).into_iter().flatten().flatten()
        });
        let finished = |name: &str| name.ends_with(".safetensors");
        if checkpoints.into_iter().any(|entry| finished(&entry.file_name().to_string_lossy())) {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("no checkpoint after a minute");
}

#[test]
fn an_interrupted_run_saves_its_state_and_says_how_to_go_on() {
    let playground = Playground::new();
    let child = playground
        .command("train tiny.toml --set train.steps=1000000")
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_checkpoint(&playground.path().join("runs/tiny"));
    interrupt(child.id());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--resume"));
}

fn interrupt(process: u32) {
    let status = std::process::Command::new("kill").args(["-INT", &process.to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn truncated_and_flipped_checkpoints_are_refused_and_the_previous_one_works() {
    let playground = Playground::new();
    let run = PathBuf::from(playground.succeed("train tiny.toml").trim());
    let run = playground.path().join(run);
    let newest = newest_checkpoint(&run);
    let whole = std::fs::read(&newest).unwrap();
    std::fs::write(&newest, &whole[..whole.len() / 2]).unwrap();
    let message = playground.fail(&format!("sample {}", newest.display()));
    assert!(message.contains(newest.file_name().unwrap().to_str().unwrap()), "{message}");
    let mut flipped = whole.clone();
    let middle = flipped.len() * 3 / 4;
    flipped[middle] ^= 1;
    std::fs::write(&newest, &flipped).unwrap();
    playground.fail(&format!("sample {}", newest.display()));
    std::fs::remove_file(&newest).unwrap();
    playground.succeed(&format!("sample {} -n 3", newest_checkpoint(&run).display()));
}

#[test]
fn a_resumed_run_takes_no_other_config() {
    let playground = Playground::new();
    playground.succeed("train tiny.toml --set train.steps=40");
    let run = playground.run_folder("runs");
    let checkpoint = std::fs::read(newest_checkpoint(&run)).unwrap();
    let resume = |options: &str| format!("train tiny.toml --resume {} {options}", run.display());
    let check = |options: &str, parts: &[&str]| {
        let message = playground.fail(&resume(options));
        for part in parts.iter().chain(&["without --resume", "config.toml"]) {
            assert!(message.contains(part), "{part:?} is not in: {message}");
        }
    };
    check("--set train.batch=32", &["train.batch: 64 in the checkpoint, now 32\n"]);
    check("--seed 8", &["seed: 7 in the checkpoint, now 8\n"]);
    check("--set train.clip_norm=1.0", &["train.clip_norm: unset in the checkpoint, now 1.0\n"]);
    check(
        "--set model.hidden=[8] --set interpolant.kind=linear",
        &["model.hidden: [32, 32] in", "now [8]\n", "interpolant.kind: \"trigonometric\" in", "\"linear\"\n"],
    );
    assert!(checkpoint == std::fs::read(newest_checkpoint(&run)).unwrap(), "a refused run wrote");
    playground.succeed(&resume("--set threads=2 --set train.steps=50"));
    let config = run.join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(text.contains("steps = 50") && text.contains("threads = 2"), "{text}");
    playground.succeed(&format!("train {} --resume {}", config.display(), run.display()));
}

#[test]
fn a_new_length_of_a_cosine_schedule_is_pointed_out() {
    let playground = Playground::new();
    playground.edit("steps = 200", "steps = 40\nschedule = { kind = \"cosine\" }");
    playground.succeed("train tiny.toml");
    let run = playground.run_folder("runs");
    let warns = |options: &str| {
        let output = playground.run(&format!("train tiny.toml --resume {} {options}", run.display()));
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stderr).contains("cosine schedule")
    };
    assert!(!warns(""));
    assert!(warns("--set train.steps=80"));
}

//! A killed and resumed run equals an uninterrupted one, and damaged checkpoints are refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::{Path, PathBuf};

use interflow_tests::{Playground, partial_files, signal, wait, wait_for_checkpoint};
use serde_json::Value;

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

/// Checkpoints are written beside the training: the kill comes while one is, and steps go on.
#[test]
fn a_run_killed_while_it_writes_a_checkpoint_equals_an_uninterrupted_one() {
    let playground = Playground::new();
    // So large a network that its file is seen unfinished.
    playground.edit("hidden = [32, 32]", "hidden = [768, 768]");
    let train = "train tiny.toml --set train.steps=30 --set train.checkpoint_every=5";
    playground.succeed(&format!("{train} --out whole"));
    let mut child = playground.command(&format!("{train} --out cut")).spawn().unwrap();
    wait_for_checkpoint(&playground.path().join("cut/tiny"));
    let cut = playground.run_folder("cut");
    while partial_files(&cut.join("checkpoints")).is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "no checkpoint was seen unfinished");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    playground.succeed(&format!("{train} --resume {}", cut.display()));
    assert_eq!(partial_files(&cut), [] as [PathBuf; 0]);
    let whole = playground.run_folder("whole");
    let (expected, found) = (parts(&newest_checkpoint(&whole)), parts(&newest_checkpoint(&cut)));
    assert_eq!(expected.0["__metadata__"]["sha256"], found.0["__metadata__"]["sha256"]);
    assert!(expected.1 == found.1, "the final weights or the optimiser's state differ");
    assert_eq!(metrics(&whole), metrics(&cut));
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
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--resume"));
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

/// The result of a run folder.
fn result(run: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(run.join("result.json")).unwrap()).unwrap()
}

/// What `evaluate` says of a run folder or a checkpoint.
fn evaluated(playground: &Playground, run: &Path) -> Value {
    serde_json::from_str(&playground.succeed(&format!("evaluate {} --json", run.display()))).unwrap()
}

#[test]
fn a_run_that_goes_on_from_an_earlier_checkpoint_is_the_new_branch_alone() {
    let playground = Playground::new();
    playground.succeed("experiment tiny.toml --set train.steps=80");
    let run = playground.run_folder("runs");
    let old = result(&run);
    let earlier = run.join("checkpoints/step-0000000040.safetensors");
    let resume = format!("experiment tiny.toml --resume {} --set train.steps=60", earlier.display());
    let output = playground.run(&resume);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && log.contains("superseded/1"), "{log}");

    // The weights, the numbers and the result are those of a run of 60 steps.
    playground.succeed("experiment tiny.toml --set train.steps=60 --out other");
    let other = playground.run_folder("other");
    assert_eq!(newest_checkpoint(&run), run.join("checkpoints/step-0000000060.safetensors"));
    assert!(parts(&newest_checkpoint(&run)) == parts(&newest_checkpoint(&other)));
    assert_eq!(metrics(&run), metrics(&other));
    for found in [result(&run), evaluated(&playground, &run)] {
        assert_eq!(found["test_nll"], result(&other)["test_nll"]);
    }
    assert_eq!(
        (result(&run)["steps"].as_u64(), evaluated(&playground, &run)["step"].as_u64()),
        (Some(60), Some(60))
    );

    // Nothing of the other branch is lost: it is a run folder of its own.
    let superseded = run.join("superseded/1");
    assert_eq!(result(&superseded), old);
    assert_eq!(evaluated(&playground, &superseded)["test_nll"], old["test_nll"]);
    assert!(metrics(&superseded).contains("\"step\":80"));
    assert_ne!(old["test_nll"], result(&run)["test_nll"]);
}

#[test]
fn a_run_that_goes_on_for_longer_has_no_result_until_it_has_a_new_one() {
    let playground = Playground::new();
    playground.succeed("experiment tiny.toml --set train.steps=40");
    let run = playground.run_folder("runs");
    let old = result(&run);
    let resume = format!("experiment tiny.toml --set train.steps=1000000 --resume {}", run.display());
    let mut child = playground.command(&resume).stderr(std::process::Stdio::null()).spawn().unwrap();
    let checkpoint = run.join("checkpoints/step-0000000080.safetensors");
    while !checkpoint.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!run.join("result.json").exists() && !run.join("report.md").exists());
    assert_eq!(result(&run.join("superseded/1")), old);
}

#[test]
fn a_resumed_run_keeps_the_bytes_of_its_metrics_and_sets_what_is_damaged_aside() {
    let playground = Playground::new();
    playground.succeed("train tiny.toml --set train.steps=40");
    let run = playground.run_folder("runs");
    let mut lines: Vec<Vec<u8>> = metrics(&run).lines().map(|line| line.as_bytes().to_vec()).collect();
    // As another program would write it, and with more digits than a number has.
    lines[0] = b"{ \"step\": 10,  \"loss\": 1.23456789012345678901234567890e0 }".to_vec();
    lines[1][12] = 0xff;
    let torn = b"{\"step\":40,\"loss\":0.1";
    let text = [&lines.join(&b'\n')[..], b"\n", torn].concat();
    std::fs::write(run.join("metrics.jsonl"), text).unwrap();
    let output = playground.run(&format!("train tiny.toml --resume {} --set train.steps=60", run.display()));
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && log.contains("metrics.damaged: 2\n"), "{log}");
    let found = metrics(&run);
    let found: Vec<&[u8]> = found.lines().map(str::as_bytes).collect();
    let kept = [&lines[0], &lines[2], &lines[3]];
    assert!(kept.iter().zip(&found).all(|(kept, found)| kept.as_slice() == *found), "{}", metrics(&run));
    assert_eq!(found.len(), kept.len() + 2, "two more reports in 20 steps");
    assert_eq!(std::fs::read(run.join("metrics.damaged")).unwrap(), [&lines[1][..], b"\n"].concat());
}

#[test]
fn what_killed_processes_left_is_swept() {
    let playground = Playground::new();
    playground.succeed("train tiny.toml --set train.steps=40");
    let run = playground.run_folder("runs");
    for name in [".tmpAbCdEf.partial", "checkpoints/.tmpGhIjKl.partial", "figures/.tmpMnOpQr.partial"] {
        std::fs::write(run.join(name), "half").unwrap();
    }
    playground.succeed(&format!("train tiny.toml --resume {} --set train.steps=50", run.display()));
    assert_eq!(partial_files(&run), [] as [PathBuf; 0]);
}

#[test]
fn a_run_whose_folder_is_moved_stops_and_does_not_bring_it_back() {
    let playground = Playground::new();
    let mut child = playground
        .command("train tiny.toml --set train.steps=1000000")
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_checkpoint(&playground.path().join("runs/tiny"));
    std::fs::rename(playground.path().join("runs"), playground.path().join("moved")).unwrap();
    assert_eq!(wait(&mut child).code(), Some(1));
    let mut log = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut log).unwrap();
    assert!(log.contains("removed or moved while it trained"), "{log}");
    assert!(!playground.path().join("runs").exists());
    playground.succeed(&format!("sample {} -n 3", playground.run_folder("moved").display()));
}

#[test]
fn runs_of_one_second_have_folders_of_their_own() {
    let playground = Playground::new();
    let start = || playground.command("train tiny.toml --set train.steps=1").spawn().unwrap();
    let mut children: Vec<_> = (0..4).map(|_| start()).collect();
    assert!(children.iter_mut().all(|child| wait(child).success()));
    assert_eq!(std::fs::read_dir(playground.path().join("runs/tiny")).unwrap().count(), children.len());
}

#[test]
fn a_run_that_is_still_training_is_not_resumed_beside() {
    let playground = Playground::new();
    let train = "train tiny.toml --set train.steps=1000000";
    let mut child = playground.command(train).stderr(std::process::Stdio::null()).spawn().unwrap();
    wait_for_checkpoint(&playground.path().join("runs/tiny"));
    let resume = format!("{train} --resume {}", playground.run_folder("runs").display());
    let message = playground.fail(&resume);
    assert!(message.contains("another process trains in this run folder"), "{message}");
    assert!(child.try_wait().unwrap().is_none(), "the run was disturbed");
    child.kill().unwrap();
    child.wait().unwrap();
    playground.succeed(&resume.replace("1000000", "1"));
}

#[test]
fn another_number_of_threads_is_pointed_out() {
    let playground = Playground::new();
    playground.succeed("train tiny.toml --threads 1 --set train.steps=10");
    let run = playground.run_folder("runs");
    let warns = |threads: u32| {
        let resume =
            format!("train tiny.toml --set train.steps=10 --threads {threads} --resume {}", run.display());
        let output = playground.run(&resume);
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stderr).contains("began with 1 threads and goes on with 2")
    };
    assert!(!warns(1) && warns(2));
}

#[test]
fn chosen_threads_are_recorded_and_pointed_out() {
    let playground = Playground::new();
    playground.succeed("train tiny.toml --threads auto --set train.steps=10");
    let run = playground.run_folder("runs");
    let first = metrics(&run).lines().next().map(str::to_owned);
    assert_eq!(first.as_deref(), Some(r#"{"step":1,"threads":1}"#));
    for threads in ["1", "auto"] {
        let resume =
            format!("train tiny.toml --set train.steps=10 --threads {threads} --resume {}", run.display());
        let output = playground.run(&resume);
        assert!(output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("are chosen by what steps take"), "{said}");
    }
}

#[test]
fn a_sheet_that_a_kill_prevented_is_drawn() {
    let playground = Playground::new();
    let digits = "kind = \"images\"\nsource = { kind = \"digits\" }";
    playground.edit("kind = \"synthetic\"\ndensity = { kind = \"eight-gaussians\" }", digits);
    playground.succeed("train tiny.toml --set train.steps=80");
    let run = playground.run_folder("runs");
    let [earlier, last] = [40, 80].map(|step| run.join(format!("figures/samples-{step:010}.png")));
    let (before, drawn) = (std::fs::read(&earlier).unwrap(), std::fs::read(&last).unwrap());
    std::fs::remove_file(&last).unwrap();
    playground.succeed(&format!("train tiny.toml --set train.steps=80 --resume {}", run.display()));
    assert!(std::fs::read(&last).unwrap() == drawn && std::fs::read(&earlier).unwrap() == before);
}

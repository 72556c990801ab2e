//! Signals and lost readers: what ends a run, what does not, and how.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::io::Read as _;
use std::process::{Child, Stdio};
use std::time::Duration;

use interflow_tests::{Playground, signal, wait, wait_for_checkpoint, wait_for_handler};

/// The last checkpoint of the only run.
fn last_checkpoint(playground: &Playground) -> String {
    let folder = playground.run_folder("runs").join("checkpoints");
    let names = std::fs::read_dir(folder).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).max().unwrap()
}

#[test]
fn a_run_goes_on_without_a_reader_of_its_log() {
    let playground = Playground::new();
    let mut child = playground
        .command("train tiny.toml --set train.validate_every=5")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    assert_eq!(wait(&mut child).code(), Some(0));
    assert_eq!(last_checkpoint(&playground), "step-0000000200.safetensors");
}

#[test]
fn an_error_without_a_reader_has_its_exit_code() {
    let playground = Playground::new();
    let mut child = playground.command("train nowhere.toml").stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(wait(&mut child).code(), Some(1));
}

#[test]
fn a_closed_stdout_ends_printing_quietly_and_the_run_is_whole() {
    let playground = Playground::new();
    let unread = |arguments: &str| {
        let mut child =
            playground.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let code = wait(&mut child).code();
        let mut log = String::new();
        child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert!(code == Some(0) && !log.contains("error") && !log.contains("panicked"), "{code:?}: {log}");
    };
    unread("experiment tiny.toml --set train.steps=20");
    let run = playground.run_folder("runs");
    assert!(run.join("result.json").is_file() && run.join("report.md").is_file());
    unread(&format!("sample {} -n 5000", run.display()));
    unread(&format!("inspect {}", run.display()));
}

#[test]
fn a_log_that_is_no_terminal_has_no_colours() {
    let playground = Playground::new();
    let output = playground.run("train tiny.toml --set train.steps=10");
    assert!(output.status.success() && !output.stderr.is_empty());
    assert!(!output.stderr.contains(&0x1b), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A long run whose shell ignores a signal, as `nohup` ignores SIGHUP.
fn ignoring(playground: &Playground, name: &str) -> Child {
    let script = format!("trap '' {name}; exec \"$INTERFLOW\" train tiny.toml --set train.steps=1000000");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &script]).current_dir(playground.path()).stderr(Stdio::null());
    shell.env("INTERFLOW", interflow_tests::interflow()).env("OMP_NUM_THREADS", "1").spawn().unwrap()
}

#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    for (ignored, heard) in [("HUP", "TERM"), ("INT", "HUP"), ("TERM", "INT")] {
        let playground = Playground::new();
        let mut child = ignoring(&playground, ignored);
        wait_for_checkpoint(&playground.path().join("runs/tiny"));
        signal(&child, ignored);
        let seen = last_checkpoint(&playground);
        // It trains on: a checkpoint is made every 40 steps.
        let goes_on = (0..6000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            last_checkpoint(&playground) > seen
        });
        assert!(goes_on && child.try_wait().unwrap().is_none(), "SIG{ignored} was heard");
        signal(&child, heard);
        assert_eq!(wait(&mut child).code(), Some(130), "SIG{heard} was not heard");
    }
}

#[test]
fn the_second_signal_ends_a_step_at_once() {
    let playground = Playground::new();
    // A step of some seconds, on several threads of libtorch.
    playground.edit("hidden = [32, 32]", "hidden = [512, 512, 512]");
    for pause in [20, 100, 300, 700] {
        let mut child = playground
            .command("train tiny.toml --threads 4 --set train.batch=200000 --set train.validate_every=0")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for_handler(child.id());
        std::thread::sleep(Duration::from_millis(pause));
        for name in ["INT", "INT"] {
            signal(&child, name);
            std::thread::sleep(Duration::from_millis(100));
        }
        let status = wait(&mut child);
        let mut log = String::new();
        child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert_eq!(status.code(), Some(130), "{status:?}: {log}");
        assert!(!log.contains("panicked"), "{log}");
    }
}

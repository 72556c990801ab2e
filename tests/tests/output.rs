//! Where results go: never over what is read, through links, and into pipes.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use interflow_tests::{Playground, wait};

/// A playground with a tiny run, and the run's folder.
fn trained() -> (Playground, String) {
    let playground = Playground::new();
    let run = playground.succeed("train tiny.toml --set train.steps=10").trim().to_owned();
    playground.write("points.csv", "x1,x2\n0.5,1\n-1,2\n");
    (playground, run)
}

#[test]
fn an_output_that_is_an_input_is_refused_by_any_name() {
    let (playground, run) = trained();
    let points = playground.path().join("points.csv");
    let before = fs::read(&points).unwrap();
    fs::hard_link(&points, playground.path().join("hard.csv")).unwrap();
    symlink("points.csv", playground.path().join("soft.csv")).unwrap();
    fs::create_dir(playground.path().join("folder")).unwrap();
    let names = ["points.csv", "./folder/../points.csv", "hard.csv", "soft.csv", points.to_str().unwrap()];
    for name in names {
        for command in ["encode", "log-prob", "score --time 0.5"] {
            let (command, options) = command.split_once(' ').unwrap_or((command, ""));
            let message = playground.fail(&format!("{command} {run} points.csv {options} -o {name}"));
            assert!(message.contains("would replace the input points.csv"), "{name}: {message}");
        }
    }
    assert!(fs::read(&points).unwrap() == before, "the points are lost");
    playground.succeed(&format!("encode {run} points.csv -o codes.csv"));
}

#[test]
fn an_output_through_a_link_replaces_the_file_behind_it() {
    let (playground, run) = trained();
    fs::create_dir(playground.path().join("far")).unwrap();
    for ending in ["csv", "npy", "png"] {
        let link = playground.path().join(format!("link.{ending}"));
        symlink(format!("far/samples.{ending}"), &link).unwrap();
        for _ in 0..2 {
            playground.succeed(&format!("sample {run} -n 20 -o link.{ending}"));
            assert!(link.is_symlink());
            assert!(playground.path().join(format!("far/samples.{ending}")).metadata().unwrap().len() > 0);
        }
    }
    assert_eq!(playground.path().join("far").read_dir().unwrap().count(), 3);
}

#[test]
fn an_output_into_a_pipe_is_written_there() {
    let (playground, run) = trained();
    let made = Command::new("mkfifo").arg(playground.path().join("pipe.csv")).status();
    assert!(made.unwrap().success());
    let reader = Command::new("cat")
        .arg("pipe.csv")
        .current_dir(playground.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut writer = playground.command(&format!("sample {run} -n 20 -o pipe.csv")).spawn().unwrap();
    let status = wait(&mut writer);
    if !status.success() {
        // Whoever reads waits for a writer for ever.
        fs::write(playground.path().join("pipe.csv"), "").unwrap();
    }
    let read = String::from_utf8(reader.wait_with_output().unwrap().stdout).unwrap();
    assert!(status.success());
    assert_eq!(read, playground.succeed(&format!("sample {run} -n 20")));
    assert!(!playground.path().join("pipe.csv").is_file(), "the pipe was replaced");
    assert_eq!(playground.succeed(&format!("sample {run} -n 20 -o /dev/stdout")), read);
    playground.succeed(&format!("sample {run} -n 20 -o /dev/null"));
}

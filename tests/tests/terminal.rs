//! What people and shells see of the program: pipes that close, logs in files, completions, pages, the list of runs.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::fs::{self, File};
use std::io::Read as _;
use std::process::{Command, Stdio};

use interflow_tests::{Playground, interflow};
use serde_json::Value;

/// A playground with a tiny run, and the run's folder.
fn trained() -> (Playground, String) {
    let playground = Playground::new();
    let run = playground.succeed("experiment tiny.toml --set train.steps=20");
    let run = run.lines().next().unwrap().to_owned();
    (playground, run)
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let (playground, run) = trained();
    let commands = [
        "--help".to_owned(),
        "help sample".to_owned(),
        "--version".to_owned(),
        format!("inspect {run}"),
        format!("inspect {run} --json"),
        format!("evaluate {run}"),
        format!("sample {run} -n 5000"),
        "runs".to_owned(),
        "runs --json".to_owned(),
        "completions bash".to_owned(),
        "man pages".to_owned(),
    ];
    for command in commands {
        let (reader, writer) = std::io::pipe().unwrap();
        // Gone before the first word.
        drop(reader);
        let mut child = playground.command(&command);
        let mut child = child.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let status = child.wait().unwrap();
        assert!(status.success(), "{command}: {status}: {said}");
        assert!(!said.contains("error") && !said.contains("panicked"), "{command}: {said}");
    }
    // What is no stdout is whole all the same.
    assert!(playground.path().join("pages/interflow-man.1").is_file());
}

#[test]
fn a_log_in_a_file_has_no_escape_sequences() {
    let playground = Playground::new();
    let log = playground.path().join("log");
    let mut command = playground.command("experiment tiny.toml --set train.steps=20");
    // What cargo and others take for a wish to see colours anyway.
    command.env("CLICOLOR_FORCE", "1").env("TERM", "xterm-256color");
    command.stdout(Stdio::null()).stderr(File::create(&log).unwrap());
    assert!(command.status().unwrap().success());
    let text = fs::read_to_string(log).unwrap();
    assert!(text.contains("INFO") && !text.contains('\u{1b}'), "{text:?}");
    let said = playground.fail("sample nowhere");
    assert!(!said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn completions_know_the_commands() {
    let playground = Playground::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = playground.succeed(&format!("completions {shell}"));
        for word in ["log-prob", "completions", "resume"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
    }
    playground.fail("completions tcsh");
}

#[test]
fn every_command_has_a_page() {
    let playground = Playground::new();
    let paths = playground.succeed("man share/man1");
    assert_eq!(paths.lines().next(), Some("share/man1/interflow.1"));
    for name in ["interflow-sample", "interflow-log-prob", "interflow-runs"] {
        let page = fs::read_to_string(playground.path().join(format!("share/man1/{name}.1"))).unwrap();
        assert!(page.contains(&format!(".TH {}", name.to_uppercase())), "{page}");
        assert!(page.contains(&name.replace('-', "\\-")), "{page}");
    }
}

#[test]
fn runs_are_listed_with_what_came_of_them() {
    let (playground, run) = trained();
    playground.succeed("train tiny.toml --set train.steps=10 --set name=half --out runs/deeper");
    let lines: Vec<Value> = playground.succeed("runs --json").lines().map(|l| l.parse().unwrap()).collect();
    assert_eq!(lines.len(), 2);
    let of = |name: &str| lines.iter().find(|line| line["name"] == name).unwrap();
    assert_eq!((&of("tiny")["path"], &of("tiny")["step"]), (&Value::from(run), &Value::from(20)));
    assert!(of("tiny")["test_nll"]["mean"].is_f64() && of("half")["test_nll"].is_null());
    assert!(of("tiny")["started"].as_str().unwrap().ends_with('Z'));

    let table = playground.succeed("runs");
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 3);
    let column = |row: &str, word: &str| row.find(word).map(|at| row[..at].chars().count());
    assert_eq!(column(rows[0], "step"), column(rows[1], "20/20"), "{table}");
    assert!(rows[1].contains(" nats ") && rows[2].contains("10/10") && rows[2].contains("  -  "), "{table}");
    assert_eq!(playground.succeed("runs runs/tiny").lines().count(), 2);

    // A folder without runs is no error, one that is not there is.
    fs::create_dir(playground.path().join("empty")).unwrap();
    assert_eq!(playground.succeed("runs empty"), "");
    assert!(playground.fail("runs nowhere").contains("there is no such folder: nowhere"));
}

/// Without the right of the system's own user to look anywhere, by `setpriv` where it is there.
#[test]
fn runs_beside_a_closed_folder_are_listed() {
    let (playground, run) = trained();
    let script = "mkdir runs/closed && chmod 0 runs/closed\n\
                  [ \"$(id -u)\" != 0 ] || without='setpriv --bounding-set=-all --inh-caps=-all'\n\
                  $without \"$INTERFLOW\" runs; code=$?\nchmod 700 runs/closed; exit $code";
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).current_dir(playground.path()).env("INTERFLOW", interflow());
    let output = shell.output().unwrap();
    let (found, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.code() == Some(127) {
        eprintln!("skipped: there is no setpriv here");
        return;
    }
    assert!(output.status.success() && found.contains(&run), "{found}{said}");
    assert!(said.contains("cannot list the folder runs/closed"), "{said}");
}

#[test]
fn figures_are_svg_too() {
    let (playground, run) = trained();
    for name in ["flow", "loss"] {
        let text =
            fs::read_to_string(playground.path().join(&run).join(format!("figures/{name}.svg"))).unwrap();
        assert!(text.starts_with("<svg ") && !text.contains("font-family"), "{name}");
    }
    playground.succeed(&format!("sample {run} -n 100 -o s.svg"));
    playground.succeed(&format!("density {run} --grid 8 --out d.svg"));
    for name in ["s.svg", "d.svg"] {
        assert!(fs::read_to_string(playground.path().join(name)).unwrap().contains("</svg>"), "{name}");
    }
}

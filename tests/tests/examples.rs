//! The examples of the façade, run on tiny sizes: each is short, succeeds, and says what it found.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::PathBuf;
use std::process::Command;

use interflow_tests::{executable, workspace};

/// The most lines of an example.
const LONGEST: usize = 60;

fn sources() -> Vec<PathBuf> {
    let folder = workspace().join("crates/interflow/examples");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn name(source: &std::path::Path) -> String {
    source.file_stem().unwrap().to_string_lossy().into_owned()
}

#[test]
fn there_is_one_for_each_seam_and_all_are_short() {
    let names: Vec<String> = sources().iter().map(|source| name(source)).collect();
    for seam in [
        "moons",
        "score_table",
        "conditions",
        "own_interpolant",
        "own_tableau",
        "own_objective",
        "own_network",
        "own_data",
    ] {
        assert!(names.iter().any(|name| name == seam), "no example {seam}");
    }
    for source in sources() {
        let lines = std::fs::read_to_string(&source).unwrap().lines().count();
        assert!(lines <= LONGEST, "{} has {lines} lines", source.display());
    }
}

#[test]
fn all_of_them_run() {
    let folder = tempfile::tempdir().unwrap();
    for source in sources() {
        let name = name(&source);
        let mut command = Command::new(executable(&name));
        // Those that train take the number of steps.
        if std::fs::read_to_string(&source).unwrap().contains("[STEPS]") {
            command.arg("20");
        }
        let output = command.current_dir(folder.path()).env("OMP_NUM_THREADS", "1").output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!output.stdout.is_empty(), "{name} says nothing");
    }
}

//! A full disk ends the work with a clear message, and what was whole stays whole.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::{Path, PathBuf};

use interflow_tests::{Playground, partial_files};

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// A playground whose network is so wide that checkpoints outweigh all other files.
fn wide() -> Playground {
    let playground = Playground::new();
    playground.edit("hidden = [32, 32]", "hidden = [128, 128]");
    playground
}

#[test]
fn a_checkpoint_that_does_not_fit_leaves_the_previous_one() {
    let playground = wide();
    playground.succeed("train tiny.toml --set train.steps=1 --out one");
    let first = playground.run_folder("one").join("checkpoints/step-0000000001.safetensors");
    let size = first.metadata().unwrap().len() * 3 / 2 + 64 * 1024;
    let train = "train tiny.toml --set train.steps=40 --set train.checkpoint_every=10";
    let script = format!("\"$INTERFLOW\" {train} --out disk; code=$?; cp -r disk kept; exit $code");
    let Some(output) = playground.run_on_disk(&format!("size={size}"), &script) else { return };
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    for part in ["No space left on device", "step-0000000020.safetensors", "hint: ", "--resume disk/tiny/"] {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
    let run = playground.run_folder("kept");
    assert_eq!(names(&run.join("checkpoints")), ["step-0000000010.safetensors"]);
    assert_eq!(partial_files(&run), [] as [PathBuf; 0]);
    for line in std::fs::read_to_string(run.join("metrics.jsonl")).unwrap().lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    playground.succeed(&format!("sample {} -n 3", run.display()));
    playground.succeed(&format!("{train} --resume {}", run.display()));
    assert_eq!(names(&run.join("checkpoints")).len(), 3, "the three newest are kept");
}

#[test]
fn tables_and_pictures_that_do_not_fit_leave_nothing() {
    let playground = Playground::new();
    let run = playground.succeed("train tiny.toml --set train.steps=10");
    for name in ["s.csv", "s.npy", "s.png"] {
        let sample = format!("\"$INTERFLOW\" sample {} -n 2000 --out disk/{name}", run.trim());
        let script = format!("{sample}; code=$?; ls -A disk; exit $code");
        let Some(output) = playground.run_on_disk("size=4k", &script) else { return };
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains(name) && message.contains("No space left on device"), "{message}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "files were left");
    }
}

/// `/dev/full` is a file of Linux that takes nothing.
#[cfg(target_os = "linux")]
#[test]
fn a_full_stdout_is_an_error() {
    let playground = Playground::new();
    let run = playground.succeed("train tiny.toml --set train.steps=10");
    for command in ["inspect", "inspect --json", "sample -n 3", "evaluate"] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = playground.command(&format!("{command} {}", run.trim())).stdout(full).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains("error: cannot write to stdout"), "{message}");
    }
}

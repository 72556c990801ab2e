//! `cargo xtask experiment`, with stand-ins for cargo and for the program that it builds.

use std::time::{Duration, Instant};

use crate::workspace::{Workspace, stderr, stdout};

/// What cargo would do: name the target folder, build (here there's nothing to do).
const CARGO: &str = "#!/bin/sh\n\
    case \"$1\" in metadata) echo '{\"target_directory\": \"'\"$PWD/target\"'\"}' ;; *) echo \"cargo $*\" >&2 ;; esac\n";

/// Says what it was asked to do, and with which status it ends.
const PROGRAM: &str = "#!/bin/sh\necho \"$*\"\nexit 7\n";

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.file("configs/moons.toml", "# Two moons.\n[target]\nkind = \"moons\"\n");
    workspace.file("configs/electricity.toml", "# Household power.\n[target]\nkind = \"power\"\n");
    let images = |source: &str| format!("[target]\nkind = \"images\"\nsource = {{ {source} }}\n");
    workspace.file("configs/imagenet32.toml", &images("kind = \"imagenet32\""));
    workspace.file("configs/digits.toml", &images("kind = \"digits\""));
    workspace.file("configs/README.md", "");
    // The cards of the data sets are the real ones.
    for set in ["imagenet32", "power"] {
        let card = format!("crates/data/catalogue/{set}.toml");
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        workspace.file(&card, &std::fs::read_to_string(format!("{root}/{card}")).unwrap());
    }
    let own = workspace.libtorch("own", "2.11.0");
    std::os::unix::fs::symlink(own, workspace.path(".libtorch")).unwrap();
    workspace.script("bin/cargo", CARGO);
    workspace.script("target/release/interflow", PROGRAM);
    workspace
}

#[test]
fn list_is_data() {
    let output = workspace().xtask(&["experiment", "--list"]).output().unwrap();
    assert_eq!(
        stdout(&output),
        "digits       \nelectricity  Household power.\nimagenet32   \nmoons        Two moons.\n"
    );
}

#[test]
fn images_that_are_missing_meet_the_images_that_are_there() {
    let output = workspace().xtask(&["experiment", "imagenet32", "--data", "d"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = stderr(&output);
    for part in [
        "imagenet32/train_data_batch_10.npz: missing",
        "Imagenet32_train_npz.zip",
        "put it into",
        "this can run now: cargo xtask experiment digits\n      as can the experiments: moons\n",
    ] {
        assert!(message.contains(part), "no {part:?} in {message}");
    }
    assert!(!message.contains("cargo build"), "{message}");
}

#[test]
fn unknown_names_meet_suggestions() {
    let output = workspace().xtask(&["experiment", "mons"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        "error: no such experiment: mons\nhint: the nearest: moons, imagenet32, digits, or see --list\n"
    );
}

#[test]
fn missing_data_is_said_before_anything_is_built() {
    let started = Instant::now();
    let output = workspace().xtask(&["experiment", "electricity", "--data", "d"]).output().unwrap();
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(output.status.code(), Some(1));
    let message = stderr(&output);
    for part in [
        "this can run now: cargo xtask experiment digits\n      as can the experiments: moons",
        "power/household_power_consumption.txt: missing",
        "132960755 bytes",
        "DOI",
    ] {
        assert!(message.contains(part), "no {part:?} in {message}");
    }
    assert!(!message.contains("cargo build"), "{message}");
}

#[test]
fn the_program_has_the_last_word() {
    let output =
        workspace().xtask(&["experiment", "moons", "--seed", "3", "--set", "a=1", "b=2"]).output().unwrap();
    assert_eq!(
        stdout(&output),
        "experiment configs/moons.toml --seed 3 --set a=1 --set b=2\n",
        "{}",
        stderr(&output)
    );
    assert_eq!(stderr(&output), "cargo build --release --package interflow-cli\n");
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn a_failed_build_ends_it() {
    let workspace = workspace();
    workspace.script("bin/cargo", "#!/bin/sh\nexit 101\n");
    let output = workspace.xtask(&["experiment", "moons"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("cargo build --release --package interflow-cli: exit status: 101"));
}

#[test]
fn tests_end_with_cargos_status() {
    let workspace = workspace();
    workspace.script("bin/cargo", "#!/bin/sh\necho \"$* $LIBTORCH\"\nexit 101\n");
    let output = workspace.xtask(&["test", "--release"]).output().unwrap();
    assert_eq!(output.status.code(), Some(101));
    assert_eq!(
        stdout(&output),
        format!(
            "test --workspace --exclude interflow-python --release {}\n",
            workspace.path(".libtorch").display()
        )
    );
}

#[test]
fn an_interrupt_reaches_the_program_itself() {
    if interrupts_are_ignored() {
        eprintln!("skipped: this process was started with interrupts ignored, and so are its children");
        return;
    }
    let workspace = workspace();
    workspace.script(
        "target/release/interflow",
        "#!/bin/sh\ntrap 'exit 9' INT\necho ready\n\
         for i in 1 2 3 4 5 6 7 8 9 10; do /bin/sleep 1; done\nexit 8\n",
    );
    let mut child =
        workspace.xtask(&["experiment", "moons"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut ready = [0; 6];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(9));
}

/// Whether SIGINT, signal 2, is ignored from the start, as in a shell's background job.
fn interrupts_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 2 != 0)
}

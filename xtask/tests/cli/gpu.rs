//! `cargo xtask gpu pack`, with stand-ins for cargo and for the programs that it builds.

use std::fs;

use crate::workspace::{Workspace, stderr, stdout};

/// What cargo would do: name the target folder, build (here there's nothing to do).
const CARGO: &str = "#!/bin/sh\n\
    case \"$1\" in metadata) echo '{\"target_directory\": \"'\"$PWD/target\"'\"}' ;; *) echo \"cargo $*\" >&2 ;; esac\n";

/// Compresses in the simplest way.
const GZIP: &str = "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nwhile read -r line; do echo \"$line\"; done < \"$2\"\n";

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    for file in
        ["configs/digits.toml", "configs/cifar10.toml", "benches/gpu/run.py", "benches/pytorch/mlp.py"]
    {
        workspace.file(file, "\n");
    }
    workspace.file("crates/data/catalogue/cifar10.toml", CARD);
    let own = workspace.libtorch("own", "2.11.0");
    std::os::unix::fs::symlink(own, workspace.path(".libtorch")).unwrap();
    workspace.script("bin/cargo", CARGO);
    workspace.script("bin/gzip", GZIP);
    workspace.script("target/release/interflow", "a program\n");
    workspace.script("target/release/gpu", "a program\n");
    workspace
}

const CARD: &str = r#"
name = "cifar10"
title = "Ten classes"
source = "a university"
licence = "none"
advice = "as it is"

[[layouts]]
files = [{ path = "cifar10/data_batch_1.bin" }, { path = "cifar10/test_batch.bin" }]
"#;

#[test]
fn everything_is_packed_and_told() {
    let workspace = workspace();
    for name in ["data_batch_1", "test_batch"] {
        workspace.file(&format!("sets/cifar10/{name}.bin"), "images\n");
    }
    // What an earlier packing left is gone.
    workspace.file("target/gpu/data-7/old", "");
    let output = workspace.xtask(&["gpu", "pack", "--data", "sets"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    for file in [
        "program/bin/interflow.gz",
        "program/bin/gpu.gz",
        "program/configs/cifar10.toml",
        "program/driver/run.py",
        "program/pytorch/mlp.py",
        "data-1/cifar10/data_batch_1.bin.gz",
        "data-1/cifar10/test_batch.bin.gz",
    ] {
        assert!(workspace.path("target/gpu").join(file).is_file(), "no {file}");
    }
    assert!(!workspace.path("target/gpu/data-7").exists());
    assert!(!workspace.path("target/gpu/program/bin/gpu").exists());
    let told = stdout(&output);
    for part in
        ["target/gpu/program  0.0 MiB", "target/gpu/data-1  0.0 MiB", "program/driver/run.py --out results"]
    {
        assert!(told.contains(part), "no {part:?} in {told}");
    }
    assert!(stderr(&output).contains("--bin gpu"), "{}", stderr(&output));
}

#[test]
fn data_that_is_not_whole_is_refused() {
    let workspace = workspace();
    workspace.file("sets/cifar10/test_batch.bin", "images\n");
    let output = workspace.xtask(&["gpu", "pack", "--data", "sets"]).output().unwrap();
    assert!(!output.status.success());
    assert!(stderr(&output).contains("data_batch_1.bin: missing"), "{}", stderr(&output));
    assert!(fs::exists(workspace.path("target/gpu/program")).unwrap());
}

//! A crate outside the workspace that depends on the façade: it builds, links, runs and tests with what provides libtorch
//! here and the two variables that `cargo xtask setup --env` prints.
//!
//! It is built where the workspace is, with the workspace's locked versions and profile, so that third-party crates (libtorch's
//! binding above all, which takes minutes) are those that the workspace's build has left there.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use interflow_tests::{interflow, workspace};

/// The manifest, less the façade and the profile. The program's dependencies are not used here: with them cargo chooses the
/// same features of all crates as for the workspace.
const MANIFEST: &str = r#"
[package]
name = "dependant"
version = "0.1.0"
edition = "2024"

[workspace]

[dependencies]
anyhow = "1"
clap = { version = "4", features = ["derive", "env"] }
clap_complete = "4"
clap_mangen = "0.3"
same-file = "1"
signal-hook = { version = "0.4", default-features = false }
tracing-subscriber = { version = "0.3", features = ["env-filter"] }
"#;

const MAIN: &str = r#"
use interflow::core::target::DensityConfig;
use interflow::{Experiment, ExperimentConfig};

fn main() -> Result<(), interflow::Error> {
    let mut config = ExperimentConfig::synthetic("moons", DensityConfig::TwoMoons {});
    config.train.steps = 5;
    let flow = Experiment::new(config).train()?.into_flow();
    println!("{:?}", flow.sample(7, 0)?.size());
    Ok(())
}

#[test]
fn a_tensor_can_be_made() {
    use interflow::tch::Tensor;
    assert_eq!(Tensor::from_slice(&[1.0, 2.0]).size(), [2]);
}
"#;

/// The line that the README has for a build script.
const BUILD: &str = r#"
fn main() {
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", std::env::var("DEP_INTERFLOW_LIBTORCH_LIB").unwrap());
}
"#;

/// The root manifest's `[profile.dev…]` tables of crates that are not ours: those are no members of another workspace.
fn profiles(manifest: &str) -> String {
    let mut kept = String::new();
    let mut keep = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            keep = line.starts_with("[profile.dev") && !line.contains("interflow");
        }
        if keep {
            kept += line;
            kept.push('\n');
        }
    }
    kept
}

fn root() -> PathBuf {
    workspace().canonicalize().unwrap()
}

/// A crate in `folder` that depends on the façade, and on no other crate of ours.
fn write_crate(folder: &Path) {
    let root = root();
    let facade = root.join("crates/interflow");
    let profiles = profiles(&std::fs::read_to_string(root.join("Cargo.toml")).unwrap());
    let manifest = format!("{MANIFEST}interflow = {{ path = '{}' }}\n\n{profiles}", facade.display());
    std::fs::create_dir(folder.join("src")).unwrap();
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(folder.join("src/main.rs"), MAIN).unwrap();
    std::fs::write(folder.join("build.rs"), BUILD).unwrap();
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
}

/// The folder that the workspace is built in, which holds `debug/interflow`.
fn target() -> &'static Path {
    interflow().ancestors().nth(2).unwrap()
}

/// Cargo for the crate in `folder`.
fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder).env("CARGO_TARGET_DIR", target()).env("OMP_NUM_THREADS", "1");
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_crate_elsewhere_builds_runs_and_tests() {
    let folder = tempfile::tempdir().unwrap();
    write_crate(folder.path());
    // The very path that cargo's config here names: another spelling would build libtorch's binding again.
    let libtorch = std::env::var_os("LIBTORCH").map_or_else(|| root().join(".libtorch"), PathBuf::from);
    for (arguments, wanted) in [("run", "[7, 2]"), ("test", "1 passed")] {
        let output = cargo(folder.path())
            .arg(arguments)
            .env("LIBTORCH", &libtorch)
            .env_remove("LD_LIBRARY_PATH")
            .output()
            .unwrap();
        let text = text(&output);
        assert!(output.status.success() && text.contains(wanted), "cargo {arguments}: {text}");
        assert!(
            !text.contains("Compiling torch-sys"),
            "its features differ, the binding was built again: {text}"
        );
    }
}

#[test]
fn without_libtorch_the_build_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    write_crate(folder.path());
    // Under another profile the two crates that fail leave alone what was built of them with libtorch.
    let mut manifest =
        std::fs::OpenOptions::new().append(true).open(folder.path().join("Cargo.toml")).unwrap();
    for name in ["torch-sys", "interflow-libtorch"] {
        writeln!(manifest, "[profile.dev.package.{name}]\nopt-level = 1").unwrap();
    }
    let output = cargo(folder.path())
        .args(["build", "-p", "interflow-libtorch", "--keep-going"])
        .env_remove("LIBTORCH")
        .env_remove("LIBTORCH_USE_PYTORCH")
        .output()
        .unwrap();
    let text = text(&output);
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("cargo xtask setup --env") && text.contains("LIBTORCH"), "{text}");
}

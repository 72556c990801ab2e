//! A crate outside the workspace that depends on the façade: it builds, links, runs and tests with what provides libtorch
//! here and the two variables that `cargo xtask setup --env` prints.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use interflow_tests::workspace;

const MAIN: &str = r#"
use interflow::core::target::TargetConfig;
use interflow::{Experiment, ExperimentConfig};

fn main() -> Result<(), interflow::Error> {
    let mut config = ExperimentConfig::synthetic("moons", TargetConfig::TwoMoons {});
    config.train.steps = 5;
    let flow = Experiment::new(config).train()?.flow();
    println!("{:?}", flow.sample(7, 0)?.size());
    Ok(())
}

#[test]
fn a_tensor_can_be_made() {
    use interflow::tch::Tensor;
    assert_eq!(Tensor::from_slice(&[1.0, 2.0]).size(), [2]);
}
"#;

/// The root manifest's `[profile.dev…]` tables: with the same profile the dependencies that are built already are used.
fn profiles(manifest: &str) -> String {
    let mut kept = String::new();
    let mut keep = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            // Our own crates are no members of the other workspace.
            keep = line.starts_with("[profile.dev") && !line.contains("interflow");
        }
        if keep {
            kept += line;
            kept.push('\n');
        }
    }
    kept
}

/// A crate in `folder` that depends on the façade in `root` and on nothing else.
fn write_crate(folder: &Path, root: &Path) {
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let facade = root.join("crates/interflow");
    let text = format!(
        "[package]\nname = \"dependant\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\ninterflow = {{ \
         path = {facade:?} }}\n\n[workspace]\n\n{}",
        profiles(&manifest)
    );
    std::fs::create_dir(folder.join("src")).unwrap();
    std::fs::write(folder.join("Cargo.toml"), text).unwrap();
    std::fs::write(folder.join("src/main.rs"), MAIN).unwrap();
    // The same versions as here, so that nothing is fetched or built twice.
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
}

fn cargo(folder: &Path, target: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder).env("CARGO_TARGET_DIR", target).env("OMP_NUM_THREADS", "1");
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_crate_elsewhere_builds_runs_and_tests() {
    let root = workspace().canonicalize().unwrap();
    let folder = tempfile::tempdir().unwrap();
    write_crate(folder.path(), &root);
    // The very path that cargo's config here names: another spelling would build libtorch's binding again.
    let libtorch = std::env::var_os("LIBTORCH").map_or_else(|| root.join(".libtorch"), PathBuf::from);
    for (arguments, wanted) in [("run", "[7, 2]"), ("test", "1 passed")] {
        let output = cargo(folder.path(), &root.join("target"))
            .arg(arguments)
            .env("LIBTORCH", &libtorch)
            .env("LD_LIBRARY_PATH", libtorch.join("lib"))
            .env("DYLD_LIBRARY_PATH", libtorch.join("lib"))
            .output()
            .unwrap();
        let text = text(&output);
        assert!(output.status.success() && text.contains(wanted), "cargo {arguments}: {text}");
    }
}

#[test]
fn without_libtorch_the_build_says_what_to_do() {
    let root = workspace().canonicalize().unwrap();
    let folder = tempfile::tempdir().unwrap();
    write_crate(folder.path(), &root);
    let target = folder.path().join("target");
    let output = cargo(folder.path(), &target)
        .args(["check", "-p", "interflow-libtorch", "--keep-going"])
        .env_remove("LIBTORCH")
        .env_remove("LIBTORCH_USE_PYTORCH")
        .output()
        .unwrap();
    let text = text(&output);
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("cargo xtask setup --env") && text.contains("LIBTORCH"), "{text}");
}

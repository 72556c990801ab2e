//! `cargo xtask test`.

use std::{env, process::Command};

use anyhow::Result;

use crate::{
    cargo,
    libtorch::{self, Flavour},
    workspace::Workspace,
};

/// Provides libtorch, then becomes `cargo test`, so that cargo's summary and exit status are the last word.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    libtorch::provide(workspace, Flavour::Cpu)?;
    let mut command = command(workspace);
    if !selects_packages(args) {
        command.args(EVERYTHING);
    }
    Err(cargo::become_it(command.args(args)))
}

/// `cargo test` with one thread for a tensor operation, unless the environment says otherwise: tests run side by side, and
/// libtorch's threads that wait for a core spin.
pub(crate) fn command(workspace: &Workspace) -> Command {
    let mut command = cargo::command(workspace, "test");
    if env::var_os(THREADS).is_none() {
        command.env(THREADS, "1");
    }
    command
}

/// All packages that have tests of cargo's. The Python package is a module that only Python can load: `cargo xtask python --test`
/// tests it.
pub(crate) const EVERYTHING: [&str; 3] = ["--workspace", "--exclude", "interflow-python"];

/// The variable by which OpenMP, and so libtorch, takes its number of threads.
const THREADS: &str = "OMP_NUM_THREADS";

fn selects_packages(args: &[String]) -> bool {
    let mut own = args.iter().take_while(|arg| *arg != "--");
    own.any(|arg| arg.starts_with("-p") || arg.starts_with("--package") || arg == "--workspace")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_selected_by_cargo_arguments_only() {
        let check =
            |args: &[&str]| selects_packages(&args.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert!(check(&["-p", "interflow-core"]));
        assert!(check(&["--package=interflow-core"]));
        assert!(!check(&["--release"]));
        assert!(!check(&["--", "-p"]));
    }
}

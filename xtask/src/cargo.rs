//! Calls to cargo.

use std::{env, os::unix::process::CommandExt as _, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;

use crate::workspace::Workspace;

/// A cargo command in the workspace's root, with libtorch taken from the link.
///
/// What cargo told xtask about xtask is removed, so that build scripts that watch those variables see the same
/// environment as under a plain `cargo build` and aren't run again.
pub(crate) fn command(workspace: &Workspace, subcommand: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os().filter(|(name, _)| describes_xtask(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command.arg(subcommand).current_dir(workspace.root()).env("LIBTORCH", workspace.link());
    command
}

/// Runs the command to its end; failing is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| cannot_start(command))?;
    if !status.success() {
        bail!("{}: {status}", shown(command));
    }
    Ok(())
}

/// Becomes the command. Returns only if that is impossible.
pub(crate) fn become_it(command: &mut Command) -> anyhow::Error {
    let error = command.exec();
    anyhow!(error).context(cannot_start(command))
}

/// `cargo metadata` of the workspace's own packages.
pub(crate) fn metadata(workspace: &Workspace) -> Result<Value> {
    let mut command = command(workspace, "metadata");
    command.args(["--no-deps", "--format-version", "1"]);
    let output = command.output().with_context(|| cannot_start(&command))?;
    if !output.status.success() {
        bail!("{}: {}", shown(&command), String::from_utf8_lossy(&output.stderr).trim_end());
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata printed no valid JSON")
}

/// The folder into which cargo builds.
pub(crate) fn target_dir(workspace: &Workspace) -> Result<PathBuf> {
    let metadata = metadata(workspace)?;
    let dir = metadata["target_directory"].as_str().context("cargo metadata names no target_directory")?;
    Ok(dir.into())
}

fn describes_xtask(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_")
}

fn shown(command: &Command) -> String {
    let args = command.get_args().map(|arg| arg.to_string_lossy().into_owned());
    let program = PathBuf::from(command.get_program());
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    std::iter::once(name).chain(args).collect::<Vec<_>>().join(" ")
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start `{}`", shown(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_names_the_command_and_its_status() {
        let error = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "sh -c exit 3: exit status: 3");
    }

    #[test]
    fn children_take_libtorch_from_the_link() {
        let workspace = Workspace::at("/somewhere".as_ref());
        let command = command(&workspace, "build");
        let libtorch = command.get_envs().find(|(name, _)| *name == "LIBTORCH").unwrap();
        assert_eq!(libtorch.1.unwrap(), "/somewhere/.libtorch");
    }
}

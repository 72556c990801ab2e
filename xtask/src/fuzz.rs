//! `cargo xtask fuzz`.

use anyhow::Result;

use crate::{
    cargo,
    libtorch::{self, Flavour},
    workspace::Workspace,
};

/// Provides libtorch, then becomes the search for inputs that do harm.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    libtorch::provide(workspace, Flavour::Cpu)?;
    let mut command = cargo::command(workspace, "run");
    Err(cargo::become_it(command.args(["--release", "--package", "interflow-fuzz", "--"]).args(args)))
}

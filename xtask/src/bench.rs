//! `cargo xtask bench`.

use anyhow::Result;

use crate::{
    cargo,
    libtorch::{self, Flavour},
    workspace::Workspace,
};

/// Provides libtorch, then becomes `cargo bench`; the arguments (first of all a filter) go to criterion.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    libtorch::provide(workspace, Flavour::Cpu)?;
    let mut command = cargo::command(workspace, "bench");
    Err(cargo::become_it(command.args(["--package", "interflow-benches", "--"]).args(args)))
}

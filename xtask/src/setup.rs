//! `cargo xtask setup`.

use std::io::{Write as _, stdout};

use anyhow::{Context as _, Result};

use crate::{
    flags,
    libtorch::{self, Flavour},
    workspace::Workspace,
};

/// Provides libtorch and prints its folder.
pub(crate) fn run(workspace: &Workspace, flags: &flags::Setup) -> Result<()> {
    let flavour = if flags.cuda { Flavour::Cuda } else { Flavour::Cpu };
    let tree = libtorch::provide(workspace, flavour)?;
    writeln!(stdout(), "{}", tree.root().display()).context("cannot print the folder")
}

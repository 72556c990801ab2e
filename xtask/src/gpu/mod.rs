//! `cargo xtask gpu`: what has to be carried to a machine with a GPU, on which nothing can be built.

mod carried;
mod pack;

use anyhow::Result;

use crate::{flags, workspace::Workspace};

/// Does what is asked for.
pub(crate) fn run(workspace: &Workspace, command: &flags::Gpu) -> Result<()> {
    match command {
        flags::Gpu::Pack(flags) => pack::run(workspace, flags),
    }
}

//! `cargo xtask setup`.

use std::{
    io::{Write as _, stdout},
    path::Path,
};

use anyhow::{Context as _, Result};

use crate::{
    flags,
    libtorch::{self, Flavour},
    workspace::Workspace,
};

/// Where the system's loader looks for libraries first.
const LOADER_PATH: &str = if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };

/// Provides libtorch and prints its folder, or the shell's lines with which other workspaces find it.
pub(crate) fn run(workspace: &Workspace, flags: &flags::Setup) -> Result<()> {
    let flavour = if flags.cuda { Flavour::Cuda } else { Flavour::Cpu };
    let tree = libtorch::provide(workspace, flavour)?;
    let text = if flags.env { exports(tree.root()) } else { tree.root().display().to_string() };
    writeln!(stdout(), "{text}").context("cannot print the folder")
}

/// For `eval` in a POSIX shell.
fn exports(libtorch: &Path) -> String {
    let dir = in_double_quotes(&libtorch.display().to_string());
    format!(
        "export LIBTORCH=\"{dir}\"\n\
         export {LOADER_PATH}=\"{dir}/lib${{{LOADER_PATH}:+:${LOADER_PATH}}}\""
    )
}

/// The text with a backslash before what the shell would read otherwise.
fn in_double_quotes(text: &str) -> String {
    let quoted = |c| if matches!(c, '"' | '$' | '`' | '\\') { vec!['\\', c] } else { vec![c] };
    text.chars().flat_map(quoted).collect()
}

//! Arguments of commands about runs and about the program itself.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Arguments of `runs`.
#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    /// The folder whose run folders are listed, at any depth.
    #[arg(default_value = "runs")]
    pub(crate) folder: PathBuf,
    /// One JSON object a line for each run.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// A checkpoint, or a run folder whose newest checkpoint is meant.
    pub(crate) checkpoint: PathBuf,
    /// The folder for the module and its weights, which is made if need be.
    #[arg(long, value_name = "DIR")]
    pub(crate) torch: PathBuf,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The folder for the pages, which is made if need be.
    pub(crate) folder: PathBuf,
}

//! `completions`: what a shell needs to complete the program's arguments.

use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory as _;

use crate::args::{Cli, CompletionsArgs};
use crate::output::to_stdout;

/// Writes the script for a shell to stdout.
pub(crate) fn completions(args: &CompletionsArgs) -> Result<ExitCode> {
    // Into memory first: a reader that goes away is no panic then.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "interflow", &mut script);
    to_stdout(&script)?;
    Ok(ExitCode::SUCCESS)
}

//! `man`: the manual's pages, one for the program and one for each command.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use interflow_core::atomic;

use crate::args::{Cli, ManArgs};
use crate::output::print_line;

/// Writes the pages into a folder and prints their paths.
pub(crate) fn man(args: &ManArgs) -> Result<ExitCode> {
    let folder = &args.folder;
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let program = Cli::command().disable_help_subcommand(true);
    let name = program.get_name().to_owned();
    // What all commands share is on each command's page, as in `--help`.
    let mut built = program.clone();
    built.build();
    let commands = built.get_subcommands().cloned();
    let pages = commands.map(|command| (format!("{name}-{}", command.get_name()), command));
    let mut pages: Vec<(String, Command)> = pages.collect();
    pages.insert(0, (name, program));
    let mut written = Vec::new();
    for (name, command) in pages {
        let path = folder.join(format!("{name}.1"));
        let mut page = Vec::new();
        let command = command.version(env!("CARGO_PKG_VERSION"));
        Man::new(command).title(name.to_uppercase()).render(&mut page)?;
        atomic::write(&path, &page).with_context(|| format!("cannot write the page {}", path.display()))?;
        written.push(path);
    }
    // All are there before anything is said, which nobody may want to hear.
    written.iter().try_for_each(|path| print_line(path.display()))?;
    Ok(ExitCode::SUCCESS)
}

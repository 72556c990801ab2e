//! The workspace's chores: `cargo xtask <command>`.
//!
//! xtask provides libtorch, so it depends on nothing that needs libtorch, and it has a target directory of its
//! own. Commands that end in another program (`experiment`, `test`, `bench`) become that program: its exit
//! status, its last lines and Ctrl-C are its own.

#[cfg(not(unix))]
compile_error!("Interflow supports Linux and macOS");

mod bench;
mod cargo;
mod catalogue;
mod check;
mod config;
mod data;
mod digest;
mod experiment;
mod fetch;
mod flags;
mod fuzz;
mod gpu;
mod layers;
mod libtorch;
mod modules;
mod progress;
mod publishers;
mod python;
mod results;
mod setup;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    flags::{Command, Flags},
    workspace::Workspace,
};

fn main() -> ExitCode {
    match run(Flags::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        // Who closes stdout has read enough, like `head`.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.root_cause().downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn run(command: Command) -> anyhow::Result<()> {
    let workspace = Workspace::open()?;
    match command {
        Command::Setup(flags) => setup::run(&workspace, &flags),
        Command::Experiment(flags) => experiment::run(&workspace, &flags),
        Command::Data(flags) => data::run(&workspace, &flags),
        Command::Results(flags) => results::run(&workspace, flags.add.as_deref(), flags.machine.as_deref()),
        Command::Test(flags) => test::run(&workspace, &flags.args),
        Command::Check(flags) => check::run(&workspace, &check::chosen(flags.only.as_deref())),
        Command::Ci => check::run(&workspace, check::WITHOUT_TESTS),
        Command::Fuzz(flags) => fuzz::run(&workspace, &flags.args),
        Command::Bench(flags) => bench::run(&workspace, &flags.args),
        Command::Python(flags) => python::run(&workspace, &flags),
        Command::Gpu(command) => gpu::run(&workspace, &command),
    }
}

//! The program `interflow`: config files become objects, commands use them, results become files.

#![allow(clippy::print_stdout, reason = "the program's data go to stdout")]

mod args;
mod command;
mod config;
mod device;
mod end;
mod evaluation;
mod figure;
mod flow;
mod flow_path;
mod interrupt;
mod observer;
mod output;
mod report;
mod run_folder;
mod study;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    interrupt::listen()?;
    match cli.command {
        Command::Experiment(args) => command::experiment(&args),
        Command::Train(args) => command::train(&args),
        Command::Sample(args) => command::sample(&args),
        Command::LogProb(args) => command::log_prob(&args),
        Command::Score(args) => command::score(&args),
        Command::Density(args) => command::density(&args),
        Command::Encode(args) => command::encode(&args),
        Command::Evaluate(args) => command::evaluate(&args),
        Command::Inspect(args) => command::inspect(&args),
    }
}

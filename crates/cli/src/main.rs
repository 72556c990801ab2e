//! The program `interflow`: config files become objects, commands use them, results become files.

mod args;
mod command;
mod image_output;
mod interrupt;
#[cfg(unix)]
mod launcher;
mod observation;
mod output;
mod processes;
mod rows;
mod terminal;
mod waiting;

use std::process::ExitCode;

use clap::Parser;

use anyhow::Context as _;
use args::{Cli, Command};
use interflow_flow::{Work, explanation};
use interflow_libtorch::{Place, ProcessGroup, Products};

fn main() -> ExitCode {
    interflow_libtorch::keep_freed_memory();
    let cli = Cli::parse();
    let place = cli.processes.place();
    terminal::start_log(place.as_ref().is_ok_and(|place| place.as_ref().is_none_or(|place| place.rank == 0)));
    match place.and_then(|place| begin(&cli, place)) {
        Ok(code) => code,
        // Who closes stdout has read enough, like `head`: all else that the command does is done.
        Err(error) if error.is::<output::ReaderGone>() => ExitCode::SUCCESS,
        Err(error) => {
            terminal::say(format_args!("error: {}", explanation(error.chain())));
            if is_interruption(&error) { ExitCode::from(interrupt::EXIT_CODE) } else { ExitCode::FAILURE }
        }
    }
}

/// Whether the work was stopped by a signal.
fn is_interruption(error: &anyhow::Error) -> bool {
    let cancelled = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<interflow_flow::Error>().is_some_and(interflow_flow::Error::is_cancelled)
    };
    error.chain().any(cancelled)
}

/// Takes the asked library for products of matrices.
fn choose_products(wanted: Products) -> anyhow::Result<()> {
    let chosen = interflow_libtorch::choose_products(wanted)?;
    let name = wanted.name();
    anyhow::ensure!(chosen == wanted, "this processor has no products by {name}\nhint: leave --products out");
    Ok(())
}

/// Does the work: alone, with others at this process's place among them, or by starting others that do it.
fn begin(cli: &Cli, place: Option<Place>) -> anyhow::Result<ExitCode> {
    if let Some(waiting) = cli.wait {
        waiting.ensure().context("cannot begin anew with --wait")?;
    }
    if let Some(wanted) = cli.products {
        choose_products(wanted)?;
    }
    let start = cli.processes.to_start(place.as_ref())?;
    if start.is_some() || place.is_some() {
        cli.command.check_shared()?;
    }
    #[cfg(unix)]
    if let Some(n) = start {
        return launcher::launch(n);
    }
    #[cfg(not(unix))]
    if start.is_some() {
        anyhow::bail!("--processes is for Unix systems\nhint: start the processes by torchrun");
    }
    let work = Work::new(terminal::Bars, interrupt::listen()?);
    let Some(place) = place else { return run(&cli.command, &work) };
    let group = processes::join(place)?;
    let outcome = run(&cli.command, &work.clone().shared_by(group.clone()));
    outcome.map_err(|error| shared_end(error, &work, &group))
}

/// The error with which a process that shares the work ends: the others are told of it, unless it is they who have ended
/// first. Who was interrupted as well has nothing else to say.
fn shared_end(error: anyhow::Error, work: &Work, group: &ProcessGroup) -> anyhow::Error {
    if !is_of_others(&error) {
        group.leave_word(&explanation(error.chain()).replace('\n', "; "));
        return error;
    }
    if work.cancel().requested() { interflow_flow::Error::Cancelled.into() } else { error }
}

/// Whether the work ended because another process has.
fn is_of_others(error: &anyhow::Error) -> bool {
    let of_others = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<interflow_flow::Error>()
            .is_some_and(interflow_flow::Error::is_of_another_process)
    };
    error.chain().any(of_others)
}

fn run(command: &Command, work: &Work) -> anyhow::Result<ExitCode> {
    match command {
        Command::Experiment(args) => command::experiment(args, work),
        Command::Train(args) => command::train(args, work),
        Command::Fit(args) => command::fit(args, work),
        Command::Sample(args) => command::sample(args, work),
        Command::LogProb(args) => command::log_prob(args, work),
        Command::Score(args) => command::score(args, work),
        Command::Density(args) => command::density(args, work),
        Command::Encode(args) => command::encode(args, work),
        Command::Impute(args) => command::impute(args, work),
        Command::Evaluate(args) => command::evaluate(args, work),
        Command::Fid(args) => command::fid(args, work),
        Command::Export(args) => command::export(args),
        Command::Inspect(args) => command::inspect(args),
        Command::Weigh(args) => command::weigh(args),
        Command::Runs(args) => command::runs(args),
        Command::Completions(args) => command::completions(args),
        Command::Man(args) => command::man(args),
    }
}

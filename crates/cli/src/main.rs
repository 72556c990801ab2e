//! The program `interflow`: config files become objects, commands use them, results become files.

mod args;
mod command;
mod image_output;
mod interrupt;
mod observation;
mod output;
mod rows;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use interflow_flow::Work;

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
            eprintln!("error: {}", explanation(&error));
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

/// What failed and why, from the command down to the system's reason, and then all hints, each on its line.
fn explanation(error: &anyhow::Error) -> String {
    let (mut reasons, mut hints) = (Vec::new(), String::new());
    for message in error.chain().map(ToString::to_string) {
        let (reason, hint) = message.split_once("\nhint: ").unwrap_or((&message, ""));
        reasons.push(reason.to_owned());
        if !hint.is_empty() {
            hints.push_str("\nhint: ");
            hints.push_str(hint);
        }
    }
    // Some errors of libraries repeat their cause.
    reasons.dedup_by(|cause, reason| reason.ends_with(cause.as_str()));
    reasons.join(": ") + &hints
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let work = &Work::new(terminal::Bars, interrupt::listen()?);
    match cli.command {
        Command::Experiment(args) => command::experiment(&args, work),
        Command::Train(args) => command::train(&args, work),
        Command::Fit(args) => command::fit(&args, work),
        Command::Sample(args) => command::sample(&args, work),
        Command::LogProb(args) => command::log_prob(&args, work),
        Command::Score(args) => command::score(&args, work),
        Command::Density(args) => command::density(&args, work),
        Command::Encode(args) => command::encode(&args, work),
        Command::Evaluate(args) => command::evaluate(&args, work),
        Command::Fid(args) => command::fid(&args, work),
        Command::Inspect(args) => command::inspect(&args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_come_last_and_causes_once() {
        let error = anyhow::anyhow!("the disk is full")
            .context("cannot write a: the disk is full\nhint: make room")
            .context("training stopped\nhint: go on with --resume");
        assert_eq!(
            explanation(&error),
            "training stopped: cannot write a: the disk is full\nhint: go on with --resume\nhint: make room"
        );
    }
}

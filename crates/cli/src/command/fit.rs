//! `fit`: a run on one's own table, without a config file.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use interflow_flow::{FitOptions, Work, fit as fitting};

use super::run::{conclude, runner};
use crate::args::FitArgs;
use crate::terminal::TrainingDisplay;

/// Chooses a config for the table and runs it as an experiment.
pub(crate) fn fit(args: &FitArgs, work: &Work) -> Result<ExitCode> {
    let options = FitOptions {
        columns: args.columns.clone(),
        given: args.given.clone(),
        missing: args.missing,
        constant: args.constant,
        dequantise: args.dequantise.clone(),
        set: args.options.set.clone(),
        ..FitOptions::default()
    };
    let config = fitting::config_for(&args.file, &options)?;
    let runner = runner(&args.options, Path::new(""), work)?;
    conclude(runner.complete(config, &mut TrainingDisplay::default())?, &args.options)
}

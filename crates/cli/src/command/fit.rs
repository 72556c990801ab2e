//! `fit`: a run on one's own table, without a config file.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use interflow_data::{Sheet, TableConfig};

use super::run::run;
use crate::args::FitArgs;
use crate::config::ExperimentConfig;
use crate::defaults;

/// Chooses a config for the table and runs it as an experiment.
pub(crate) fn fit(args: &FitArgs) -> Result<ExitCode> {
    run(config(args)?, Path::new(""), &args.options)
}

fn config(args: &FitArgs) -> Result<ExperimentConfig> {
    let file = args
        .file
        .canonicalize()
        .with_context(|| format!("cannot read the table: {}", args.file.display()))?;
    let name =
        file.file_stem().map_or_else(|| "table".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let sheet = Sheet::read(&file)?;
    let places = sheet.places(args.columns.as_deref())?;
    let dim = places.len()
        + sheet.places(Some(&args.given))?.iter().filter(|place| !places.contains(place)).count();
    let table = TableConfig {
        columns: args.columns.clone(),
        given: args.given.clone(),
        missing: args.missing,
        constant: args.constant,
        dequantise: args.dequantise.clone(),
        ..TableConfig::new(file)
    };
    defaults::for_table(name, table, (sheet.n_rows(), dim))?.with(&args.options.set)
}

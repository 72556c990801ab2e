//! `fit`: a run on one's own table, without a config file.

use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use interflow_data::table;
use interflow_flow::fit::{self as fitting, TableFit, Trials};
use interflow_flow::{Experiment, FitOptions, Work};
use interflow_study::Runner;

use super::run::{conclude, runner};
use crate::args::{FitArgs, NameList, Said};
use crate::rows::stdin;
use crate::terminal::TrainingDisplay;

/// Chooses a config for the table and runs it as an experiment.
pub(crate) fn fit(args: &FitArgs, work: &Work) -> Result<ExitCode> {
    let options = FitOptions {
        text: args.text.format(),
        columns: args.columns.as_deref().map(NameList::names),
        drop: NameList::names(&args.drop),
        given: NameList::names(&args.given),
        kinds: Said::all(&args.kind),
        bounds: Said::all(&args.bounds),
        marginals: args.marginals,
        missing: args.missing,
        constant: args.constant,
        dependent: args.dependent,
        fill: args.fill,
        trials: args.trials,
        steps: args.steps,
        dequantise: NameList::names(&args.dequantise),
        set: args.options.set.clone(),
        ..FitOptions::default()
    };
    let kept = stdin(&args.file)?.map(|bytes| keep(&bytes, &args.options.out)).transpose()?;
    let fit = fitting::of_file(kept.as_deref().unwrap_or(&args.file), &options)?;
    let runner = runner(&args.options, Path::new(""), work)?;
    let TableFit { config, data, .. } = chosen(fit, args, &runner)?;
    conclude(
        runner.complete_with(config, Some(Box::new(data)), &mut TrainingDisplay::default())?,
        &args.options,
    )
}

/// The fit with what short trainings choose, or chose when the run began that is resumed.
fn chosen(mut fit: TableFit, args: &FitArgs, runner: &Runner) -> Result<TableFit> {
    fit.config.seed = runner.seed.unwrap_or(fit.config.seed);
    if let Some(run) = &runner.resume {
        return Ok(fit.chosen_for(run)?);
    }
    if args.trials == Trials::No {
        return Ok(fit);
    }
    Ok(fit.choose(|trial| {
        let experiment =
            Experiment::new(trial).data(&runner.data).device(runner.device).work(runner.work.clone());
        match runner.threads {
            Some(threads) => experiment.threads(threads),
            None => experiment,
        }
    })?)
}

/// Keeps what came from stdin as a file in the folder of runs, named by its content: a run can read its data again.
fn keep(bytes: &[u8], out: &Path) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    let path = out.join(format!("stdin-{:016x}.csv", hasher.finish()));
    std::fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    table::write_whole(&path, bytes)?;
    tracing::info!("what came from stdin is kept: {}", path.display());
    Ok(path)
}

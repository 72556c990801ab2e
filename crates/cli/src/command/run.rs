//! `experiment` and `train`: runs from config files.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use interflow_flow::Work;
use interflow_study::untrained::is_untrained;
use interflow_study::{ConfigText, Ended, Finished, Runner, report};
use serde_json::{Map, Value, json};

use super::open::own_device;
use crate::args::{RunArgs, RunOptions};
use crate::interrupt;
use crate::output::print_line;
use crate::terminal::TrainingDisplay;

/// Trains, evaluates, draws and reports; or studies what needs no training.
pub(crate) fn experiment(args: &RunArgs, work: &Work) -> Result<ExitCode> {
    let text = read(&args.config)?;
    let (place, overrides) = (args.config.display().to_string(), &args.options.set);
    let config = ConfigText { text: &text, place: &place, overrides };
    if args.from.is_some() && is_untrained(&config) {
        bail!("this study takes no trained flow\nhint: leave out --from");
    }
    let runner = runner(&args.options, &args.data, work)?;
    let ended = match &args.from {
        Some(_) if work.group().is_some() => {
            bail!(
                "a study of a trained flow has nothing for several processes to share\nhint: take one process"
            )
        }
        Some(checkpoint) => Ended::Finished(runner.study_checkpoint(&Runner::read(&config)?, checkpoint)?),
        None => runner.experiment(&config, &mut TrainingDisplay::default())?,
    };
    conclude(ended, &args.options)
}

/// Trains and saves checkpoints.
pub(crate) fn train(args: &RunArgs, work: &Work) -> Result<ExitCode> {
    let text = read(&args.config)?;
    let (place, overrides) = (args.config.display().to_string(), &args.options.set);
    let config = ConfigText { text: &text, place: &place, overrides };
    if args.from.is_some() || is_untrained(&config) {
        bail!("there is nothing to train\nhint: a study is made by the command experiment");
    }
    let config = Runner::read(&config)?;
    if !config.variants.is_empty() {
        bail!("the config describes several flows\nhint: they are compared by the command experiment");
    }
    let runner = runner(&args.options, &args.data, work)?;
    let trained = runner.train(config, &mut TrainingDisplay::default())?;
    if trained.is_interrupted() {
        return Ok(ExitCode::from(interrupt::EXIT_CODE));
    }
    if !work.leads() {
        return Ok(ExitCode::SUCCESS);
    }
    let folder = trained.folder.as_ref().context("the run has no folder")?;
    let path = folder.path().display();
    if args.options.json {
        print_line(json!({ "run": path.to_string(), "steps": trained.outcome.steps }))?;
    } else {
        print_line(path)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// How runs are made, as the arguments say.
pub(super) fn runner(options: &RunOptions, data: &Path, work: &Work) -> Result<Runner> {
    Ok(Runner {
        work: work.clone(),
        data: data.to_owned(),
        out: options.out.clone(),
        device: own_device(&options.machine.device, work)?,
        seed: options.seed,
        threads: options.machine.threads,
        inception: options.inception.clone(),
        resume: options.resume.clone(),
    })
}

/// Prints what a run came to: its folder, a short table and the result; with `--json` one object of them. An interrupted
/// run has nothing to say, nor has one that another process tells of.
pub(super) fn conclude(ended: Ended, options: &RunOptions) -> Result<ExitCode> {
    let Finished { folder, results, .. } = match ended {
        Ended::Finished(finished) => finished,
        Ended::Interrupted => return Ok(ExitCode::from(interrupt::EXIT_CODE)),
        Ended::Elsewhere => return Ok(ExitCode::SUCCESS),
    };
    let path = folder.path().display();
    if options.json {
        let mut account = Map::from_iter([("run".to_owned(), json!(path.to_string()))]);
        account.extend(results);
        print_line(Value::Object(account))?;
        return Ok(ExitCode::SUCCESS);
    }
    print_line(path)?;
    for (name, value) in report::rows(&results) {
        print_line(format_args!("{name:>20}  {value}"))?;
    }
    print_line(Value::Object(results))?;
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read the config file: {}", path.display()))
}

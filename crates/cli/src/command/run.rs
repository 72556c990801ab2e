//! `experiment` and `train`: a run from its config to its folder.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use interflow_core::rng::{Purpose, Stream};
use interflow_solvers::SolverConfig;
use interflow_train::{Checkpoint, Outcome, Problem, SelfCheck, StopReason, Trainer};
use serde_json::{Map, Value, json};
use tch::Device;

use crate::args::RunArgs;
use crate::config::ExperimentConfig;
use crate::device;
use crate::end::End;
use crate::evaluation::{self, estimate};
use crate::flow::{Flow, checkpoint_file};
use crate::observer::RunObserver;
use crate::report;
use crate::run_folder::RunFolder;
use crate::study::{self, ExactExperiment};

/// The shell's code for a program ended by SIGINT.
const INTERRUPTED: u8 = 130;

/// A run that was trained.
struct Trained {
    folder: RunFolder,
    config: ExperimentConfig,
    device: Device,
    base: End,
    target: End,
    outcome: Outcome,
    self_check: SelfCheck,
}

/// Trains, evaluates, draws and reports; or studies what needs no training.
pub(crate) fn experiment(args: &RunArgs) -> Result<ExitCode> {
    if study::is_untrained(&args.config) {
        let (folder, findings) = ExactExperiment::run(args)?;
        print_result(&folder, &findings.result);
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(checkpoint) = &args.from {
        return study_checkpoint(args, checkpoint);
    }
    let trained = train_run(args)?;
    if matches!(trained.outcome.stop, StopReason::Interrupted) {
        return Ok(interrupted(&trained));
    }
    // Evaluation's batches are large whatever the network: all cores pay off.
    device::set_threads(args.threads, u32::MAX);
    let (result, sections) = measure(&trained)?;
    finish(&trained.folder, &trained.config, &result, &sections)?;
    Ok(ExitCode::SUCCESS)
}

/// The config's study of a flow that was trained before.
fn study_checkpoint(args: &RunArgs, checkpoint: &std::path::Path) -> Result<ExitCode> {
    let config = ExperimentConfig::read(&args.config, &args.set)?;
    let study = config.study.context("--from studies a trained flow: the config needs a table [study]")?;
    let device = device::parse_device(&args.device)?;
    let checkpoint = Checkpoint::load(&checkpoint_file(checkpoint)?)?;
    let mut own = ExperimentConfig::from_checkpoint(&checkpoint.config_text)?;
    own.name = config.name;
    own.seed = args.seed.unwrap_or(own.seed);
    own.study = Some(study.clone());
    device::set_threads(args.threads, u32::MAX);
    let (base, target) = End::pair(&own.base, &own.target, &args.data)?;
    let folder = RunFolder::create(&args.out, &own, &args.device)?;
    let flow = Flow::restore(own, &checkpoint, device)?;
    let findings = study.run(&folder, &flow, &base, &target)?;
    finish(&folder, &flow.config, &findings.result, &findings.text)?;
    Ok(ExitCode::SUCCESS)
}

/// Trains and saves checkpoints.
pub(crate) fn train(args: &RunArgs) -> Result<ExitCode> {
    if args.from.is_some() || study::is_untrained(&args.config) {
        bail!("there is nothing to train\nhint: a study is made by the command experiment");
    }
    let trained = train_run(args)?;
    if matches!(trained.outcome.stop, StopReason::Interrupted) {
        return Ok(interrupted(&trained));
    }
    println!("{}", trained.folder.path.display());
    Ok(ExitCode::SUCCESS)
}

fn interrupted(trained: &Trained) -> ExitCode {
    tracing::warn!(
        "interrupted at step {}; the state is saved\nhint: go on with --resume {}",
        trained.outcome.steps,
        trained.folder.path.display()
    );
    ExitCode::from(INTERRUPTED)
}

fn train_run(args: &RunArgs) -> Result<Trained> {
    let device = device::parse_device(&args.device)?;
    let mut config = ExperimentConfig::read(&args.config, &args.set)?;
    config.seed = args.seed.unwrap_or(config.seed);
    let resumed = args.resume.as_deref().map(resume_point).transpose()?;
    if let Some((_, checkpoint)) = &resumed {
        let steps = config.train.steps;
        config = ExperimentConfig::from_checkpoint(&checkpoint.config_text)?;
        config.train.steps = steps;
    }
    device::set_threads(args.threads, config.threads);
    let (base, target) = End::pair(&config.base, &config.target, &args.data)?;
    config.dim = Some(target.dim());
    let mut trainer = trainer(&config, &base, &target, device)?;
    let folder = match resumed {
        Some((folder, checkpoint)) => {
            trainer.restore(&checkpoint)?;
            folder
        }
        None => RunFolder::create(&args.out, &config, &args.device)?,
    };
    tracing::info!(
        "{}: {} weights, dimension {}, {} threads, run folder {}",
        config.name,
        trainer.network().parameters().n_scalars(),
        base.dim(),
        tch::get_num_threads(),
        folder.path.display()
    );
    let mut observer = RunObserver::new(&folder, config.to_toml()?, trainer.step(), config.train.steps)?;
    let outcome = trainer.run(&mut observer);
    observer.finish();
    let outcome = outcome?;
    let self_check = trainer.self_check(config.train.n_validation)?;
    report::draw_losses(&folder, &observer.losses, &observer.held_out)?;
    Ok(Trained { folder, config, device, base, target, outcome, self_check })
}

fn resume_point(path: &std::path::Path) -> Result<(RunFolder, Checkpoint)> {
    let folder = if path.is_file() {
        let root = path.parent().and_then(std::path::Path::parent).unwrap_or(path);
        RunFolder::open(root)?
    } else {
        RunFolder::open(path)?
    };
    let file = checkpoint_file(path)?;
    let checkpoint = Checkpoint::load(&file).with_context(|| {
        format!("cannot resume\nhint: name an older checkpoint of {} instead", folder.checkpoints().display())
    })?;
    Ok((folder, checkpoint))
}

fn trainer(config: &ExperimentConfig, base: &End, target: &End, device: Device) -> Result<Trainer> {
    let options = (config.precision.kind(), device);
    let network =
        config.model.init(target.dim(), &mut Stream::new(config.seed, Purpose::Init).at(0), options)?;
    let problem = Problem {
        interpolant: config.interpolant.build()?,
        coupling: config.coupling.build(),
        base: base.training(),
        target: target.training(),
        held_out_base: base.held_out(),
        held_out_target: target.held_out(),
    };
    Ok(Trainer::new(config.train.clone(), problem, network, config.seed)?)
}

/// The numbers of a finished run, and the report's sections of its study.
fn measure(trained: &Trained) -> Result<(Map<String, Value>, String)> {
    let check = &trained.self_check;
    let mut result = Map::new();
    result.insert("experiment".into(), json!(trained.config.name));
    result.insert("seed".into(), json!(trained.config.seed));
    result.insert("steps".into(), json!(trained.outcome.steps));
    result.insert("train_secs".into(), json!(trained.outcome.train_secs));
    result.insert("objective".into(), estimate(check.objective.mean, check.objective.standard_error));
    result.insert("self_check".into(), estimate(check.gap.mean, check.gap.standard_error));
    let checkpoint = Checkpoint::load(&checkpoint_file(&trained.folder.path)?)?;
    let mut flow = Flow::restore(trained.config.clone(), &checkpoint, trained.device)?;
    result.extend(evaluation::evaluate(&flow, &trained.base, &trained.target)?);
    let study = trained.config.study.as_ref();
    let findings = study.map(|study| study.run(&trained.folder, &flow, &trained.base, &trained.target));
    let findings = findings.transpose()?.unwrap_or_default();
    result.extend(findings.result);
    if trained.base.dim() == 2 {
        flow.solver = picture_solver(&trained.config.solver).build()?;
        report::draw_flow(&trained.folder, &flow, &trained.base, &trained.target)?;
    }
    Ok((result, findings.text))
}

/// A tolerance below what the eye can see, for pictures of tens of thousands of points.
fn picture_solver(solver: &SolverConfig) -> SolverConfig {
    SolverConfig { rtol: solver.rtol.max(1e-3), atol: solver.atol.max(1e-3), ..solver.clone() }
}

/// Writes result and report, prints the path, a short table and the result.
fn finish(
    folder: &RunFolder,
    config: &ExperimentConfig,
    result: &Map<String, Value>,
    sections: &str,
) -> Result<()> {
    folder.write_json("result.json", &Value::Object(result.clone()))?;
    report::write(folder, config, result, sections)?;
    print_result(folder, result);
    Ok(())
}

/// The run's folder, a short table and the result.
fn print_result(folder: &RunFolder, result: &Map<String, Value>) {
    println!("{}", folder.path.display());
    for (name, value) in report::rows(result) {
        println!("{name:>20}  {value}");
    }
    println!("{}", Value::Object(result.clone()));
}

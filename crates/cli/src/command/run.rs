//! `experiment` and `train`: a run from its config to its folder.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use interflow_data::Whitening;
use interflow_solvers::SolverConfig;
use interflow_train::{Checkpoint, Outcome, Problem, SelfCheck, StopReason, Trainer};
use serde_json::{Map, Value, json};
use tch::Device;

use crate::args::{RunArgs, RunOptions};
use crate::config::ExperimentConfig;
use crate::device;
use crate::end::End;
use crate::evaluation::{self, estimate};
use crate::flow::{Flow, checkpoint_file};
use crate::images::{self, ImageSpace, ProgressSheet};
use crate::interrupt;
use crate::observer::RunObserver;
use crate::output::print_line;
use crate::precondition;
use crate::report;
use crate::resume::ResumePoint;
use crate::run_folder::RunFolder;
use crate::study;
use crate::table_figures;

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
    if let Some((folder, findings)) = study::run_by_itself(args)? {
        print_result(&folder, &findings.result, &args.options)?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = ExperimentConfig::read(&args.config, &args.options.set)?;
    match &args.from {
        Some(checkpoint) => study_checkpoint(&config, args, checkpoint),
        None => run(config, &args.data, &args.options),
    }
}

/// Trains, evaluates, draws and reports as `config` says.
pub(super) fn run(config: ExperimentConfig, data: &Path, args: &RunOptions) -> Result<ExitCode> {
    let trained = train_run(config, data, args)?;
    if matches!(trained.outcome.stop, StopReason::Interrupted) {
        return Ok(interrupted(&trained));
    }
    // Evaluation's batches are large whatever the network: all cores pay off.
    device::set_threads(args.threads, u32::MAX);
    let (result, sections) = measure(&trained, data, args).with_context(|| {
        format!(
            "the flow is trained and saved, but not evaluated\nhint: go on with --resume {}",
            trained.folder.path.display()
        )
    })?;
    finish(&trained.folder, &trained.config, (&result, &sections), args)?;
    Ok(ExitCode::SUCCESS)
}

/// The config's study of a flow that was trained before.
fn study_checkpoint(config: &ExperimentConfig, args: &RunArgs, checkpoint: &Path) -> Result<ExitCode> {
    let study =
        config.study.as_ref().context("--from studies a trained flow: the config needs a table [study]")?;
    let options = &args.options;
    let device = device::parse_device(&options.device)?;
    let checkpoint = Checkpoint::load(&checkpoint_file(checkpoint)?)?;
    let mut own = ExperimentConfig::from_checkpoint(&checkpoint.config_text)?;
    own.name.clone_from(&config.name);
    own.seed = options.seed.unwrap_or(own.seed);
    own.study = Some(study.clone());
    study.check(&own)?;
    device::set_threads(options.threads, u32::MAX);
    let (base, target) = End::pair(&own.base, &own.target, &args.data)?;
    let folder = RunFolder::create(&options.out, &own, &options.device)?;
    let flow = Flow::restore(own, &checkpoint, device)?;
    let findings = study.run(&folder, &flow, &base, &target)?;
    finish(&folder, &flow.config, (&findings.result, &findings.text), options)?;
    Ok(ExitCode::SUCCESS)
}

/// Trains and saves checkpoints.
pub(crate) fn train(args: &RunArgs) -> Result<ExitCode> {
    if args.from.is_some() || study::is_untrained(&args.config) {
        bail!("there is nothing to train\nhint: a study is made by the command experiment");
    }
    let config = ExperimentConfig::read(&args.config, &args.options.set)?;
    let trained = train_run(config, &args.data, &args.options)?;
    if matches!(trained.outcome.stop, StopReason::Interrupted) {
        return Ok(interrupted(&trained));
    }
    let path = trained.folder.path.display();
    if args.options.json {
        print_line(json!({ "run": path.to_string(), "steps": trained.outcome.steps }))?;
    } else {
        print_line(path)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn interrupted(trained: &Trained) -> ExitCode {
    tracing::warn!(
        "interrupted at step {}; the state is saved\nhint: go on with --resume {}",
        trained.outcome.steps,
        trained.folder.path.display()
    );
    ExitCode::from(interrupt::EXIT_CODE)
}

fn train_run(mut config: ExperimentConfig, data: &Path, args: &RunOptions) -> Result<Trained> {
    let device = device::parse_device(&args.device)?;
    config.seed = args.seed.unwrap_or(config.seed);
    let resumed = args.resume.as_deref().map(ResumePoint::open).transpose()?;
    if let Some(point) = &resumed {
        point.check(&config)?;
    }
    device::set_threads(args.threads, config.threads);
    let (base, target) = End::pair(&config.base, &config.target, data)?;
    config.dim = Some(target.dim());
    config.whitening = target.whitening().map(Whitening::numbers);
    config.units = End::units(&base, &target);
    config.images = target.images().map(|images| ImageSpace::of(images, target.n_given()));
    if let Some(point) = &resumed {
        point.check_units(&config.units)?;
    }
    let mut trainer = trainer(&config, &base, &target, device)?;
    let folder = match resumed {
        Some(ResumePoint { folder, checkpoint }) => {
            trainer.restore(&checkpoint).with_context(|| {
                format!(
                    "cannot resume, the state of step {} is not of the network that its config describes\n\
                     hint: name another checkpoint of {} instead",
                    checkpoint.step,
                    folder.checkpoints().display()
                )
            })?;
            folder.write_config(&config)?;
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
    let sheet = ProgressSheet::new(&config, &base, folder.figures(), device)?;
    let mut observer =
        RunObserver::new(&folder, config.to_toml()?, trainer.step(), config.train.steps)?.with_sheet(sheet);
    let outcome = trainer.run(&mut observer);
    observer.finish();
    let outcome = outcome.with_context(|| stopped(&folder))?;
    let self_check = trainer.self_check(config.train.n_validation)?;
    report::draw_losses(&folder, &observer.losses, &observer.held_out)?;
    Ok(Trained { folder, config, device, base, target, outcome, self_check })
}

/// What to say of a run that failed.
fn stopped(folder: &RunFolder) -> String {
    let saved = checkpoint_file(&folder.path).is_ok();
    let hint = if saved {
        "\nhint: with the cause removed, go on with --resume "
    } else {
        ", nothing was saved in "
    };
    format!("training stopped{hint}{}", folder.path.display())
}

fn trainer(config: &ExperimentConfig, base: &End, target: &End, device: Device) -> Result<Trainer> {
    if target.n_given() > 0 && config.train.likelihood.is_some() {
        // Its gradient would move the conditions, to gain likelihood where there is none.
        bail!("conditions (given) want the interpolant's objective\nhint: leave out [train.likelihood]");
    }
    let network = config.network(target.dim(), device, &precondition::axes(config, base, target)?)?;
    let problem = Problem {
        interpolant: config.interpolant.build()?.holding(target.n_given()),
        coupling: config.coupling.build(),
        base: base.training(),
        base_density: base.shared_density(),
        target: target.training(),
        held_out_base: base.held_out(),
        held_out_target: target.held_out(),
    };
    Ok(Trainer::new(config.train.clone(), problem, network, config.seed)?)
}

/// The numbers of a finished run, and the report's sections of its study.
fn measure(trained: &Trained, data: &Path, args: &RunOptions) -> Result<(Map<String, Value>, String)> {
    let check = &trained.self_check;
    let mut result = Map::new();
    result.insert("experiment".into(), json!(trained.config.name));
    result.insert("seed".into(), json!(trained.config.seed));
    result.insert("steps".into(), json!(trained.outcome.steps));
    result.insert("train_secs".into(), json!(trained.outcome.train_secs));
    result.insert("objective".into(), estimate(check.objective.mean, check.objective.standard_error));
    let gap = check.balance.map_or(Value::Null, |side| estimate(side.gap.mean, side.gap.standard_error));
    result.insert("self_check".into(), gap);
    if let Some(denoiser) = check.denoiser {
        let (objective, gap) = (denoiser.objective, denoiser.balance.gap);
        let objective = estimate(objective.mean, objective.standard_error);
        result.insert("denoiser_objective".into(), objective);
        result.insert("denoiser_self_check".into(), estimate(gap.mean, gap.standard_error));
    }
    let checkpoint = Checkpoint::load(&checkpoint_file(&trained.folder.path)?)?;
    let mut flow = Flow::restore(trained.config.clone(), &checkpoint, trained.device)?;
    result.extend(evaluation::evaluate(&flow, &trained.base, &trained.target)?);
    let study = trained.config.study.as_ref();
    let findings = study.map(|study| study.run(&trained.folder, &flow, &trained.base, &trained.target));
    let mut findings = findings.transpose()?.unwrap_or_default();
    result.extend(findings.result);
    if let Some(images) = trained.target.images() {
        result.extend(images::reconstruct(&trained.folder, &flow, images)?);
        let mut config = trained.config.evaluation.fid.clone().unwrap_or_default();
        config.weights = config.weights.or_else(|| args.inception.clone());
        let fid = images::compare(&flow, &trained.base, Some(&images.train), &config, data)?;
        findings.text += &images::section(&fid);
        result.insert("fid".into(), fid);
    }
    flow.solver = picture_solver(&trained.config.solver).build()?;
    if let Some(images) = trained.target.images() {
        result.extend(images::draw(&trained.folder, &flow, &trained.base, images)?);
    }
    table_figures::draw(&trained.folder, &flow, &trained.base, &trained.target)?;
    if trained.base.dim() == 2 && trained.target.n_given() == 0 {
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
    (result, sections): (&Map<String, Value>, &str),
    args: &RunOptions,
) -> Result<()> {
    folder.write_json("result.json", &Value::Object(result.clone()))?;
    report::write(folder, config, result, sections)?;
    print_result(folder, result, args)
}

/// The run's folder, a short table and the result; with `--json` one object of them.
fn print_result(folder: &RunFolder, result: &Map<String, Value>, args: &RunOptions) -> Result<()> {
    let path = folder.path.display();
    if args.json {
        let mut account = Map::from_iter([("run".to_owned(), json!(path.to_string()))]);
        account.extend(result.clone());
        return print_line(Value::Object(account));
    }
    print_line(path)?;
    for (name, value) in report::rows(result) {
        print_line(format_args!("{name:>20}  {value}"))?;
    }
    print_line(Value::Object(result.clone()))
}

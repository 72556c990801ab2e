//! `experiment` and `train`: a run from its config to its folder.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use interflow_data::Whitening;
use interflow_solvers::SolverConfig;
use interflow_train::{Checkpoint, Outcome, Problem, SelfCheck, StopReason, Trainer};
use interflow_transport::{CouplingConfig, Pairs, PathAscent};
use serde_json::{Map, Value, json};
use tch::Device;

use crate::args::{RunArgs, RunOptions};
use crate::config::ExperimentConfig;
use crate::device;
use crate::end::End;
use crate::evaluation::{self, estimate};
use crate::flow::{Flow, checkpoint_file, new_path};
use crate::images::{self, ImageSpace, ProgressSheet};
use crate::interrupt;
use crate::observer::RunObserver;
use crate::output::print_line;
use crate::precondition;
use crate::reflow;
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
        None if !config.variants.is_empty() => comparison(&config, args),
        None => run(config, &args.data, &args.options),
    }
}

/// Runs all variants and compares them.
fn comparison(config: &ExperimentConfig, args: &RunArgs) -> Result<ExitCode> {
    let Some((folder, findings)) = study::compare(config, args, complete)? else {
        return Ok(ExitCode::from(interrupt::EXIT_CODE));
    };
    print_result(&folder, &findings.result, &args.options)?;
    Ok(ExitCode::SUCCESS)
}

/// Trains, evaluates, draws and reports as `config` says.
pub(super) fn run(config: ExperimentConfig, data: &Path, args: &RunOptions) -> Result<ExitCode> {
    let Some((folder, result)) = complete(config, data, args)? else {
        return Ok(ExitCode::from(interrupt::EXIT_CODE));
    };
    print_result(&folder, &result, args)?;
    Ok(ExitCode::SUCCESS)
}

/// The same without a word on stdout: the run's folder and its result, nothing if it was interrupted.
fn complete(
    config: ExperimentConfig,
    data: &Path,
    args: &RunOptions,
) -> Result<Option<(RunFolder, Map<String, Value>)>> {
    let (trained, trainer) = train_run(config, data, args)?;
    if matches!(trained.outcome.stop, StopReason::Interrupted) {
        interrupted(&trained);
        return Ok(None);
    }
    let check = trainer.self_check(trained.config.train.n_validation)?;
    drop(trainer);
    // Evaluation's batches are large whatever the network: all cores pay off.
    device::set_threads(args.threads, u32::MAX);
    let (result, sections) = measure(&trained, &check, data, args).with_context(|| {
        format!(
            "the flow is trained and saved, but not evaluated\nhint: go on with --resume {}",
            trained.folder.path.display()
        )
    })?;
    write_result(&trained.folder, &trained.config, (&result, &sections))?;
    Ok(Some((trained.folder, result)))
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
    write_result(&folder, &flow.config, (&findings.result, &findings.text))?;
    print_result(&folder, &findings.result, options)?;
    Ok(ExitCode::SUCCESS)
}

/// Trains and saves checkpoints.
pub(crate) fn train(args: &RunArgs) -> Result<ExitCode> {
    if args.from.is_some() || study::is_untrained(&args.config) {
        bail!("there is nothing to train\nhint: a study is made by the command experiment");
    }
    let config = ExperimentConfig::read(&args.config, &args.options.set)?;
    if !config.variants.is_empty() {
        bail!("the config describes several flows\nhint: they are compared by the command experiment");
    }
    let (trained, _) = train_run(config, &args.data, &args.options)?;
    if matches!(trained.outcome.stop, StopReason::Interrupted) {
        interrupted(&trained);
        return Ok(ExitCode::from(interrupt::EXIT_CODE));
    }
    let path = trained.folder.path.display();
    if args.options.json {
        print_line(json!({ "run": path.to_string(), "steps": trained.outcome.steps }))?;
    } else {
        print_line(path)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn interrupted(trained: &Trained) {
    tracing::warn!(
        "interrupted at step {}; the state is saved\nhint: go on with --resume {}",
        trained.outcome.steps,
        trained.folder.path.display()
    );
}

fn train_run(mut config: ExperimentConfig, data: &Path, args: &RunOptions) -> Result<(Trained, Trainer)> {
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
    config.images.map_or(Ok(()), |space| space.check_model(&config.model))?;
    if let Some(point) = &resumed {
        point.check_units(&config.units)?;
    }
    let new_folder = || RunFolder::create(&args.out, &config, &args.device);
    let folder = resumed.as_ref().map(|point| point.folder.clone());
    let (folder, pairs) = reflow::pairs(&config, (folder, new_folder), (&base, &target), device)?;
    let mut trainer = trainer(&config, (&base, &target), pairs, device)?;
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
        None => folder.map_or_else(new_folder, Ok)?,
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
    let mut observer = RunObserver::new(&folder, &config, trainer.step())?.with_sheet(sheet);
    let outcome = trainer.run(&mut observer);
    observer.finish();
    let outcome = outcome.with_context(|| stopped(&folder))?;
    report::draw_losses(&folder, &observer.losses, &observer.held_out)?;
    if config.path.is_some() || !matches!(config.coupling, CouplingConfig::Independent {}) {
        report::draw_costs(&folder, &[(config.name.clone(), observer.costs.clone())])?;
    }
    Ok((Trained { folder, config, device, base, target, outcome }, trainer))
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

fn trainer(
    config: &ExperimentConfig,
    (base, target): (&End, &End),
    pairs: Option<Pairs>,
    device: Device,
) -> Result<Trainer> {
    if target.n_given() > 0 && config.train.likelihood.is_some() {
        // Its gradient would move the conditions, to gain likelihood where there is none.
        bail!("conditions (given) want the interpolant's objective\nhint: leave out [train.likelihood]");
    }
    let network = config.network(target.dim(), device, precondition::axes(config, base, target)?)?;
    let n_given = target.n_given();
    let path = new_path(config, target.dim(), device)?;
    let interpolant = match &path {
        Some(path) => path.interpolant(),
        None => config.interpolant.build()?,
    };
    let mut problem = Problem {
        interpolant: interpolant.holding(n_given),
        coupling: config.coupling.build(n_given)?,
        base: base.training(),
        base_density: base.shared_density(),
        target: target.training(),
        held_out_base: base.held_out(),
        held_out_target: target.held_out(),
    };
    if let Some(pairs) = pairs {
        [problem.base, problem.target] = pairs.training();
        [problem.held_out_base, problem.held_out_target] = pairs.held_out();
    }
    let trainer = Trainer::new(config.train.clone(), problem, network, config.seed)?;
    Ok(match (path, &config.path) {
        (Some(path), Some(search)) => trainer.with_companion(Box::new(PathAscent::new(
            search.clone(),
            path,
            n_given,
            config.train.steps,
        )?)),
        _ => trainer,
    })
}

/// The numbers of a finished run, and the report's sections of its study.
fn measure(
    trained: &Trained,
    check: &SelfCheck,
    data: &Path,
    args: &RunOptions,
) -> Result<(Map<String, Value>, String)> {
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

/// Writes the report, and then the result: a folder with a result is complete.
fn write_result(
    folder: &RunFolder,
    config: &ExperimentConfig,
    (result, sections): (&Map<String, Value>, &str),
) -> Result<()> {
    report::write(folder, config, result, sections)?;
    folder.write_json("result.json", &Value::Object(result.clone()))
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

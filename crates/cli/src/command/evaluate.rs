//! `evaluate`: held-out numbers of a checkpoint.

use std::process::ExitCode;

use anyhow::{Result, bail};
use interflow_flow::FlowPath;
use interflow_flow::{Base, FlowManifest, Target, Work, checkpoint, evaluation};
use interflow_study::report;
use serde_json::{Value, json};

use super::open::{open_together, open_with_checkpoint};
use crate::args::EvaluateArgs;
use crate::output::print_line;

/// The tables of a config whose keys say how a flow is evaluated.
const SETTABLE: [&str; 2] = ["evaluation.", "solver."];

/// Evaluates a checkpoint on the held-out set of its experiment.
pub(crate) fn evaluate(args: &EvaluateArgs, work: &Work) -> Result<ExitCode> {
    if args.path.along.is_some() && !args.path.sde {
        bail!(
            "along any path the flow's numbers are the same, but for those of the stochastic equation\n\
             hint: add --sde, or leave out --along"
        );
    }
    if args.path.sde && !args.beside.is_alone() {
        bail!("the stochastic equation is that of one flow\nhint: leave out --sde, or --with and --last");
    }
    if let Some(other) = args.set.iter().find(|set| !SETTABLE.iter().any(|table| set.starts_with(table))) {
        bail!(
            "a trained flow is what it is, and --set changes how it is evaluated, found: {other}\n\
             hint: keys begin with `evaluation.` or `solver.`"
        );
    }
    if !args.beside.is_alone() && args.set.iter().any(|set| set.starts_with("solver.")) {
        bail!(
            "each of several flows has a solver of its own\nhint: leave out --set solver, or --with and --last"
        );
    }
    let (flow, checkpoint) = open_with_checkpoint(&args.flow, work)?;
    let config = checkpoint::experiment_with(&checkpoint, &args.set)?;
    let flow = if args.set.is_empty() { flow } else { flow.with_solver(config.solver.clone())? };
    // Before the data are read: what cannot be averaged is said at once.
    let together = || open_together(&args.flow, &args.beside, work);
    let ensemble = (!args.beside.is_alone()).then(together).transpose()?;
    let target = Target::load(&config.target, &args.flow.data)?;
    let base = Base::load(&config.base, target.space().dim, &args.flow.data)?;
    flow.manifest().check_same_data(&FlowManifest::of(&config, &base, &target))?;
    let engine = flow.engine();
    let mut result = serde_json::Map::new();
    result.insert("experiment".into(), json!(flow.manifest().name));
    result.insert("step".into(), json!(engine.step()));
    match ensemble {
        None => result.extend(evaluation::evaluate(engine, &config.evaluation, &base, &target)?),
        Some(ensemble) => {
            result.insert("members".into(), json!(ensemble.flows().len()));
            result.extend(evaluation::evaluate_together(&ensemble, &config.evaluation, &base, &target)?);
        }
    }
    let path = FlowPath::new(engine, args.path.along)?;
    if let Some(noise) = args.path.noise(path.regular_shape()) {
        let bound = evaluation::noisy_nll(&path, &noise, engine, &config.evaluation, &target)?;
        result.insert("sde_nll_bound".into(), bound);
    }
    if !work.leads() {
        return Ok(ExitCode::SUCCESS);
    }
    if args.flow.json {
        print_line(Value::Object(result))?;
    } else {
        for (name, value) in report::rows(&result) {
            print_line(format_args!("{name:>20}  {value}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

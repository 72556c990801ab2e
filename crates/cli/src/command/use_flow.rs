//! `sample`, `log-prob`, `encode`, `evaluate` and `inspect`: what a trained flow is for.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use interflow_data::Columns;
use interflow_train::Checkpoint;
use serde_json::{Value, json};

use super::sample_images::sample_images;
use crate::args::{EvaluateArgs, FlowArgs, InspectArgs, LogProbArgs, RowsArgs, SampleArgs};
use crate::conditions::Conditions;
use crate::config::EndConfig;
use crate::end::End;
use crate::evaluation;
use crate::flow::{Flow, checkpoint_file};
use crate::flow_path::{FlowPath, check_time};
use crate::observation::observed;
use crate::observer::progress_bar;
use crate::output::{Output, print_line};
use crate::report;
use crate::units::{RowsOfFile, written};

/// Draws samples.
pub(crate) fn sample(args: &SampleArgs) -> Result<ExitCode> {
    let output = match Output::parse(&args.out) {
        // Images may go to a folder, which has no ending.
        Err(error) if Path::new(&args.out).extension().is_some() => return Err(error),
        output => output,
    };
    let (flow, base) = open(&args.flow)?;
    if let Some(space) = flow.config.images {
        return sample_images(args, flow, &base, space);
    }
    if args.class.is_some() {
        bail!("the flow has no classes\nhint: leave out --class");
    }
    let output = output?;
    let columns = flow.config.units.target.as_ref();
    let conditions = Conditions::read(args, columns)?;
    let n = conditions.as_ref().map_or(args.n.unwrap_or(1000) as i64, Conditions::n_samples);
    let x0 = base.sampling_points(0, n, args.flow.seed, flow.config.precision.kind())?;
    let x0 = conditions.as_ref().map_or(x0.shallow_clone(), |conditions| conditions.before(&x0));
    let bar = progress_bar(n as u64, "sample");
    let mut path = FlowPath::new(&flow, args.path.along)?;
    if !args.observe.is_empty() {
        path = path.guided(&base, observed(&args.observe, args.noise, columns, base.dim())?)?;
    }
    let (samples, nfe) = match args.path.noise(path.regular_shape()) {
        None => path.carry(&x0, |n| bar.inc(n))?,
        Some(noise) => path.diffuse(&base, &noise, args.flow.seed, &x0, |n| bar.inc(n))?,
    };
    bar.finish_and_clear();
    // A picture's window is that of the flow's coordinates.
    let (names, rows) = written(columns.filter(|_| !output.is_picture()), &samples)?;
    let rows = match &conditions {
        Some(conditions) if !output.is_picture() => conditions.beside(&rows),
        _ => rows,
    };
    output.write(&names, &rows, extent(&flow)?)?;
    say(&args.flow, &json!({ "n": n, "nfe": nfe, "out": args.out }))?;
    Ok(ExitCode::SUCCESS)
}

/// Log-densities of rows.
pub(crate) fn log_prob(args: &LogProbArgs) -> Result<ExitCode> {
    let (time, args) = (args.time, &args.rows);
    let output = Output::parse(&args.out)?;
    check_time(time)?;
    let (flow, base) = open(&args.flow)?;
    let rows = rows(args, &flow)?;
    let bar = progress_bar(rows.points.size()[0] as u64, "log-prob");
    let (log_density, nfe) = flow.log_density(&base, &rows.points, time, |n| bar.inc(n))?;
    bar.finish_and_clear();
    let log_density = log_density + flow.config.units.target.as_ref().map_or(0.0, Columns::log_jacobian);
    output.append(&rows, "log_density", &log_density)?;
    let mean = -log_density.mean(tch::Kind::Double).double_value(&[]);
    say(&args.flow, &json!({ "n": log_density.size()[0], "nfe": nfe, "nll": mean, "out": args.out }))?;
    Ok(ExitCode::SUCCESS)
}

/// Data to base.
pub(crate) fn encode(args: &RowsArgs) -> Result<ExitCode> {
    let output = Output::parse(&args.out)?;
    let (flow, base) = open(&args.flow)?;
    let rows = rows(args, &flow)?;
    let bar = progress_bar(rows.points.size()[0] as u64, "encode");
    let (encoded, nfe) = flow.carry(&rows.points, 1.0, 0.0, |n| bar.inc(n))?;
    bar.finish_and_clear();
    let n_given = flow.config.n_given();
    let encoded = encoded.narrow(1, n_given, base.dim() - n_given);
    let (names, encoded) = written(flow.config.units.base.as_ref(), &encoded)?;
    output.write(&names, &encoded, base.extent())?;
    say(&args.flow, &json!({ "n": encoded.size()[0], "nfe": nfe, "out": args.out }))?;
    Ok(ExitCode::SUCCESS)
}

/// Held-out numbers.
pub(crate) fn evaluate(args: &EvaluateArgs) -> Result<ExitCode> {
    let (flow, base) = open(&args.flow)?;
    let target = End::load(&flow.config.target, &args.flow.data, None)?;
    flow.config.units.check_same(&End::units(&base, &target))?;
    let mut result = serde_json::Map::new();
    result.insert("experiment".into(), json!(flow.config.name));
    result.insert("step".into(), json!(flow.step));
    result.extend(evaluation::evaluate(&flow, &base, &target)?);
    let path = FlowPath::new(&flow, args.path.along)?;
    if let Some(noise) = args.path.noise(path.regular_shape()) {
        result.insert("sde_nll_bound".into(), evaluation::noisy_nll(&path, &noise, &flow, &base, &target)?);
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

/// What a checkpoint is.
pub(crate) fn inspect(args: &InspectArgs) -> Result<ExitCode> {
    let file = checkpoint_file(&args.checkpoint)?;
    let checkpoint = Checkpoint::load(&file)?;
    let n_weights: usize = checkpoint.network_weights().iter().map(|(_, weight)| weight.numel()).sum();
    if args.json {
        let weights: Vec<Value> = checkpoint
            .network_weights()
            .iter()
            .map(|(name, weight)| json!({ "name": name, "shape": weight.size() }))
            .collect();
        let description = json!({
            "file": file.display().to_string(),
            "step": checkpoint.step,
            "seed": checkpoint.seed,
            "n_weights": n_weights,
            "weights": weights,
            "config": checkpoint.config_text,
        });
        print_line(description)?;
    } else {
        print_line(format_args!("file    {}", file.display()))?;
        print_line(format_args!("step    {}", checkpoint.step))?;
        print_line(format_args!("seed    {}", checkpoint.seed))?;
        print_line(format_args!("weights {n_weights}\n"))?;
        print_line(checkpoint.config_text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The flow and its base; the target's data are not needed to use a flow.
pub(super) fn open(args: &FlowArgs) -> Result<(Flow, End)> {
    let flow = Flow::open(args)?;
    let base = End::load(&flow.config.base, &args.data, flow.config.dim)?;
    let base = base.behind(flow.config.n_given())?;
    Ok((flow, base))
}

/// Half the width of a window that shows the flow's samples.
pub(super) fn extent(flow: &Flow) -> Result<f64> {
    match &flow.config.target {
        EndConfig::Synthetic { density, .. } => Ok(density.build()?.extent()),
        _ => Ok(4.0),
    }
}

pub(super) fn rows(args: &RowsArgs, flow: &Flow) -> Result<RowsOfFile> {
    let rows = RowsOfFile::read(&args.file, flow.config.units.target.as_ref())?;
    flow.check_dim(&rows.points)
        .with_context(|| format!("cannot use the rows of {}", args.file.display()))?;
    Ok(rows)
}

/// The machine-readable account of what was done; on stderr where stdout holds the data itself.
pub(super) fn say(args: &FlowArgs, account: &Value) -> Result<()> {
    match (args.json, account["out"] == "-") {
        (false, _) => {}
        (true, true) => eprintln!("{account}"),
        (true, false) => print_line(account)?,
    }
    Ok(())
}

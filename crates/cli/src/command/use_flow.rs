//! `sample`, `log-prob`, `encode`, `evaluate` and `inspect`: what a trained flow is for.

use std::process::ExitCode;

use anyhow::{Context, Result};
use interflow_data::Table;
use interflow_train::Checkpoint;
use serde_json::{Value, json};

use crate::args::{EvaluateArgs, FlowArgs, InspectArgs, LogProbArgs, RowsArgs, SampleArgs};
use crate::config::EndConfig;
use crate::end::End;
use crate::evaluation;
use crate::flow::{Flow, checkpoint_file};
use crate::flow_path::{FlowPath, check_time};
use crate::observer::progress_bar;
use crate::output::{Output, column_names};
use crate::report;

/// Draws samples.
pub(crate) fn sample(args: &SampleArgs) -> Result<ExitCode> {
    let output = Output::parse(&args.out)?;
    let (flow, base) = open(&args.flow)?;
    let x0 = base.sampling_points(0, args.n as i64, args.flow.seed, flow.config.precision.kind())?;
    let bar = progress_bar(args.n, "sample");
    let path = FlowPath::new(&flow, args.path.along)?;
    let (samples, nfe) = match args.path.noise() {
        None => path.carry(&x0, |n| bar.inc(n))?,
        Some(noise) => path.diffuse(&base, &noise, args.flow.seed, &x0, |n| bar.inc(n))?,
    };
    bar.finish_and_clear();
    output.write(&column_names(base.dim()), &samples, extent(&flow)?)?;
    say(&args.flow, &json!({ "n": args.n, "nfe": nfe, "out": args.out }));
    Ok(ExitCode::SUCCESS)
}

/// Log-densities of rows.
pub(crate) fn log_prob(args: &LogProbArgs) -> Result<ExitCode> {
    let (time, args) = (args.time, &args.rows);
    let output = Output::parse(&args.out)?;
    check_time(time)?;
    let (flow, base) = open(&args.flow)?;
    let table = rows(args, &flow)?;
    let bar = progress_bar(table.values.size()[0] as u64, "log-prob");
    let (log_density, nfe) = flow.log_density(&base, &table.values, time, |n| bar.inc(n))?;
    bar.finish_and_clear();
    output.write(&["log_density".to_owned()], &log_density.unsqueeze(1), 1.0)?;
    let mean = -log_density.mean(tch::Kind::Double).double_value(&[]);
    say(&args.flow, &json!({ "n": log_density.size()[0], "nfe": nfe, "nll": mean, "out": args.out }));
    Ok(ExitCode::SUCCESS)
}

/// Data to base.
pub(crate) fn encode(args: &RowsArgs) -> Result<ExitCode> {
    let output = Output::parse(&args.out)?;
    let (flow, base) = open(&args.flow)?;
    let table = rows(args, &flow)?;
    let bar = progress_bar(table.values.size()[0] as u64, "encode");
    let (encoded, nfe) = flow.carry(&table.values, 1.0, 0.0, |n| bar.inc(n))?;
    bar.finish_and_clear();
    output.write(&column_names(base.dim()), &encoded, base.extent())?;
    say(&args.flow, &json!({ "n": encoded.size()[0], "nfe": nfe, "out": args.out }));
    Ok(ExitCode::SUCCESS)
}

/// Held-out numbers.
pub(crate) fn evaluate(args: &EvaluateArgs) -> Result<ExitCode> {
    let (flow, base) = open(&args.flow)?;
    let target = End::load(&flow.config.target, &args.flow.data, None)?;
    let mut result = serde_json::Map::new();
    result.insert("experiment".into(), json!(flow.config.name));
    result.insert("step".into(), json!(flow.step));
    result.extend(evaluation::evaluate(&flow, &base, &target)?);
    if args.flow.json {
        println!("{}", Value::Object(result));
    } else {
        for (name, value) in report::rows(&result) {
            println!("{name:>20}  {value}");
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
        println!("{description}");
    } else {
        println!("file    {}", file.display());
        println!("step    {}", checkpoint.step);
        println!("seed    {}", checkpoint.seed);
        println!("weights {n_weights}\n");
        println!("{}", checkpoint.config_text);
    }
    Ok(ExitCode::SUCCESS)
}

/// The flow and its base; the target's data are not needed to use a flow.
pub(super) fn open(args: &FlowArgs) -> Result<(Flow, End)> {
    let flow = Flow::open(args)?;
    let base = End::load(&flow.config.base, &args.data, flow.config.dim)?;
    Ok((flow, base))
}

/// Half the width of a window that shows the flow's samples.
pub(super) fn extent(flow: &Flow) -> Result<f64> {
    match &flow.config.target {
        EndConfig::Synthetic { density } => Ok(density.build()?.extent()),
        _ => Ok(4.0),
    }
}

pub(super) fn rows(args: &RowsArgs, flow: &Flow) -> Result<Table> {
    let table = Table::read(&args.file)?;
    flow.check_dim(&table.values)
        .with_context(|| format!("cannot use the rows of {}", args.file.display()))?;
    Ok(table)
}

/// The machine-readable account of what was done; on stderr where stdout holds the data itself.
pub(super) fn say(args: &FlowArgs, account: &Value) {
    if !args.json {
        return;
    }
    if account["out"] == "-" {
        eprintln!("{account}");
    } else {
        println!("{account}");
    }
}

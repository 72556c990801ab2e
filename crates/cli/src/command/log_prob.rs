//! `log-prob`: log-densities of rows.

use std::process::ExitCode;

use anyhow::{Result, bail};
use interflow_flow::check_time;
use interflow_flow::{DensityOptions, Flow, Work};
use serde_json::json;
use tch::{Kind, Tensor};

use super::open::{open_together, say};
use crate::args::{Holes, LogProbArgs};
use crate::output::Output;
use crate::rows::{LOG_DENSITY, RowsOfFile};

/// Log-densities of rows.
pub(crate) fn log_prob(args: &LogProbArgs, work: &Work) -> Result<ExitCode> {
    let &LogProbArgs { time, calls, holes, draws, ref beside, .. } = args;
    let args = &args.rows;
    let output = Output::parse(&args.out, &[&args.file, &args.flow.checkpoint])?;
    check_time(time)?;
    if holes == Holes::Given && time < 1.0 {
        bail!("rows have holes at time 1 only, asked for: {time}\nhint: leave out --holes or --time");
    }
    if holes == Holes::Given && !beside.is_alone() {
        bail!("where holes are is told of one flow at a time\nhint: leave out --holes, or --with and --last");
    }
    let ensemble = open_together(&args.flow, beside, work)?;
    let flow = &ensemble.flows()[0];
    let rows = RowsOfFile::read(args, flow)?;
    output.check_new(&rows, LOG_DENSITY)?;
    let (points, log_jacobian) = rows.table.at(time, flow)?;
    let options = DensityOptions { calls, draws: Some(draws) };
    let found = ensemble.log_density_with(&points, time, &options)?;
    let log_density = found.rows + log_jacobian;
    let log_density = match holes {
        Holes::Modelled => log_density,
        Holes::Given => given_holes(flow, &rows.table.points.x, &log_density, args.flow.seed_of_samples())?,
    };
    if !work.leads() {
        return Ok(ExitCode::SUCCESS);
    }
    let n_impossible = log_density.isneginf().to_kind(Kind::Int64).sum(Kind::Int64).int64_value(&[]);
    if n_impossible > 0 {
        tracing::warn!(
            "{n_impossible} rows cannot be by the flow's columns, or lie too far from all that it was fitted to, and have the \
             log-density -inf"
        );
    }
    output.append(&rows, LOG_DENSITY, &log_density)?;
    let nll = -log_density.mean(Kind::Double).double_value(&[]);
    let n = log_density.size()[0];
    say(&args.flow, &json!({ "n": n, "nfe": found.nfe, "nll": nll, "out": args.out }))?;
    Ok(ExitCode::SUCCESS)
}

/// The log-densities of `rows`, `[N, D]`, given where their holes are; how far they may be off is said in the log.
fn given_holes(flow: &Flow, rows: &Tensor, log_density: &Tensor, seed: u64) -> Result<Tensor> {
    let found = flow.log_probability_of_holes(rows, seed)?;
    if found.standard_error.numel() > 0 {
        let largest = found.standard_error.max().double_value(&[]);
        tracing::info!("the log-probability of holes has a standard error of {largest:.3} nats at most");
    }
    Ok(found.given_holes(log_density, rows))
}

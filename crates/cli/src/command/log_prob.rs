//! `log-prob`: log-densities of rows.

use std::process::ExitCode;

use anyhow::Result;
use interflow_flow::Work;
use interflow_flow::path::check_time;
use serde_json::json;
use tch::Kind;

use super::open::{open_together, say};
use crate::args::LogProbArgs;
use crate::output::Output;
use crate::rows::RowsOfFile;

/// Log-densities of rows.
pub(crate) fn log_prob(args: &LogProbArgs, work: &Work) -> Result<ExitCode> {
    let (time, calls, beside, args) = (args.time, args.calls, &args.beside, &args.rows);
    let output = Output::parse(&args.out, &[&args.file, &args.flow.checkpoint])?;
    check_time(time)?;
    let ensemble = open_together(&args.flow, beside, work)?;
    let flow = &ensemble.flows()[0];
    let rows = RowsOfFile::read(args, flow)?;
    let (points, log_jacobian) = rows.at(time, flow)?;
    let found = match calls {
        None => ensemble.log_density(&points, time)?,
        Some(calls) => ensemble.log_density_in(&points, time, calls)?,
    };
    if !work.leads() {
        return Ok(ExitCode::SUCCESS);
    }
    let log_density = found.rows + log_jacobian;
    let n_impossible = log_density.isneginf().to_kind(Kind::Int64).sum(Kind::Int64).int64_value(&[]);
    if n_impossible > 0 {
        tracing::warn!(
            "{n_impossible} rows cannot be by the flow's columns, or lie too far from all that it was fitted to, and have the \
             log-density -inf"
        );
    }
    output.append(&rows, "log_density", &log_density)?;
    let nll = -log_density.mean(Kind::Double).double_value(&[]);
    let n = log_density.size()[0];
    say(&args.flow, &json!({ "n": n, "nfe": found.nfe, "nll": nll, "out": args.out }))?;
    Ok(ExitCode::SUCCESS)
}

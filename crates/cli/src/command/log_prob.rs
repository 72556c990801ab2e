//! `log-prob`: log-densities of rows.

use std::process::ExitCode;

use anyhow::Result;
use interflow_flow::Work;
use interflow_flow::path::check_time;
use serde_json::json;

use super::open::{open, say};
use crate::args::LogProbArgs;
use crate::output::Output;
use crate::rows::RowsOfFile;

/// Log-densities of rows.
pub(crate) fn log_prob(args: &LogProbArgs, work: &Work) -> Result<ExitCode> {
    let (time, args) = (args.time, &args.rows);
    let output = Output::parse(&args.out)?;
    check_time(time)?;
    let flow = open(&args.flow, work)?;
    let rows = RowsOfFile::read(&args.file, &flow)?;
    let found = flow.log_density_counted(&rows.points, time)?;
    output.append(&rows, "log_density", &found.rows)?;
    let nll = -found.rows.mean(tch::Kind::Double).double_value(&[]);
    let n = found.rows.size()[0];
    say(&args.flow, &json!({ "n": n, "nfe": found.nfe, "nll": nll, "out": args.out }))?;
    Ok(ExitCode::SUCCESS)
}

//! `score`: the gradient of the log-density.

use std::process::ExitCode;

use anyhow::Result;
use interflow_flow::Work;
use serde_json::json;

use super::open::{open, say};
use crate::args::ScoreArgs;
use crate::output::Output;
use crate::rows::RowsOfFile;

/// Scores of rows.
pub(crate) fn score(args: &ScoreArgs, work: &Work) -> Result<ExitCode> {
    let rows_args = &args.rows;
    let output = Output::parse(&rows_args.out, &[&rows_args.file, &rows_args.flow.checkpoint])?;
    let flow = open(&rows_args.flow, work)?;
    let rows = RowsOfFile::read(rows_args, &flow)?;
    let score = flow.score_of_rows(&rows.table, args.time)?;
    if !work.leads() {
        return Ok(ExitCode::SUCCESS);
    }
    let names: Vec<String> = match flow.columns() {
        Some(columns) => columns.state_names().iter().map(|name| format!("score_{name}")).collect(),
        None => (1..=flow.space().dim).map(|d| format!("s{d}")).collect(),
    };
    output.write(&names, &score, 4.0)?;
    let n = score.size()[0];
    say(&rows_args.flow, &json!({ "n": n, "time": args.time, "out": rows_args.out }))?;
    Ok(ExitCode::SUCCESS)
}

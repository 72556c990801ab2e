//! `encode`: data to base.

use std::process::ExitCode;

use anyhow::Result;
use interflow_data::Columns;
use interflow_flow::{CarryOptions, Work};
use serde_json::json;

use super::open::{open, say};
use crate::args::EncodeArgs;
use crate::output::Output;
use crate::rows::{RowsOfFile, column_names};

/// Carries rows to the base.
pub(crate) fn encode(args: &EncodeArgs, work: &Work) -> Result<ExitCode> {
    let (calls, args) = (args.calls, &args.rows);
    let output = Output::parse(&args.out, &[&args.file, &args.flow.checkpoint])?;
    let flow = open(&args.flow, work)?;
    let rows = RowsOfFile::read(args, &flow)?;
    let found = flow.carry_with(&rows.table.points, 1.0, 0.0, &CarryOptions { calls })?;
    if !work.leads() {
        return Ok(ExitCode::SUCCESS);
    }
    let names = flow.manifest().base_columns().map_or_else(|| column_names(flow.space().dim), Columns::names);
    output.write(&names, &found.rows, flow.engine().base().extent())?;
    say(&args.flow, &json!({ "n": found.rows.size()[0], "nfe": found.nfe, "out": args.out }))?;
    Ok(ExitCode::SUCCESS)
}

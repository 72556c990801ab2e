//! `score`: the gradient of the log-density.

use std::process::ExitCode;

use anyhow::{Context, Result};
use interflow_core::{VectorField, Velocity};
use serde_json::json;
use tch::Tensor;

use super::use_flow::{open, rows, say};
use crate::args::ScoreArgs;
use crate::flow_path::FlowPath;
use crate::output::Output;

/// Scores of rows.
pub(crate) fn score(args: &ScoreArgs) -> Result<ExitCode> {
    let rows_args = &args.rows;
    let output = Output::parse(&rows_args.out)?;
    let (flow, base) = open(&rows_args.flow)?;
    let path = FlowPath::new(&flow, None)?;
    let conversion = path.conversion(&base)?;
    conversion
        .check_score_time(args.time)
        .context("cannot take the score at this time\nhint: at the end only ε s is regular: sample --sde")?;
    let x = flow.admit(&rows(rows_args, &flow)?.values)?;
    let score = conversion.score(Velocity(path.velocity()));
    let parts: Vec<Tensor> = tch::no_grad(|| {
        let batches = x.split(flow.config.evaluation.batch, 0);
        batches.iter().map(|batch| score.value(&batch.select(1, 0).full_like(args.time), batch)).collect()
    });
    let names: Vec<String> = (1..=base.dim()).map(|d| format!("s{d}")).collect();
    output.write(&names, &Tensor::cat(&parts, 0), 4.0)?;
    say(&rows_args.flow, &json!({ "n": x.size()[0], "time": args.time, "out": rows_args.out }));
    Ok(ExitCode::SUCCESS)
}

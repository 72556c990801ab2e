//! `score`: the gradient of the log-density.

use std::process::ExitCode;

use anyhow::{Result, bail};
use interflow_core::VectorField;
use interflow_data::Columns;
use serde_json::json;
use tch::{Device, Kind, Tensor};

use super::use_flow::{open, rows, say};
use crate::args::ScoreArgs;
use crate::flow_path::FlowPath;
use crate::output::Output;

/// Scores of rows.
pub(crate) fn score(args: &ScoreArgs) -> Result<ExitCode> {
    let rows_args = &args.rows;
    let output = Output::parse(&rows_args.out)?;
    let (flow, base) = open(&rows_args.flow)?;
    if flow.whitening.is_some() {
        bail!(
            "the path of whitened rows is not in the rows' units, and neither is its score\nhint: train with whiten = false"
        );
    }
    let path = FlowPath::new(&flow, None)?;
    let score = path.score(&base, args.time)?;
    let x = flow.admit(&rows(rows_args, &flow)?.points)?;
    let parts: Vec<Tensor> = tch::no_grad(|| {
        let batches = x.split(flow.config.evaluation.batch, 0);
        batches.iter().map(|batch| score.value(&batch.select(1, 0).full_like(args.time), batch)).collect()
    });
    let score = Tensor::cat(&parts, 0).to_kind(Kind::Double).to_device(Device::Cpu);
    let (names, score) = match &flow.config.units.target {
        Some(columns) => in_units(columns, &score),
        None => ((1..=base.dim()).map(|d| format!("s{d}")).collect(), score),
    };
    output.write(&names, &score, 4.0)?;
    say(&rows_args.flow, &json!({ "n": x.size()[0], "time": args.time, "out": rows_args.out }))?;
    Ok(ExitCode::SUCCESS)
}

/// The score of a table's density in its units: a derivative by a column is divided by the column's scale.
fn in_units(columns: &Columns, score: &Tensor) -> (Vec<String>, Tensor) {
    let scales: Vec<f64> = columns.iter().map(|column| column.deviation).collect();
    let names = columns.names().iter().map(|name| format!("score_{name}")).collect();
    (names, score / Tensor::from_slice(&scales))
}

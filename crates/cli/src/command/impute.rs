//! `impute`: holes of rows filled.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use interflow_core::{Given, memory};
use interflow_data::{Columns, table};
use interflow_flow::Work;
use serde_json::json;
use tch::Tensor;

use super::open::{open, say};
use crate::args::ImputeArgs;
use crate::output::Output;
use crate::rows::{array, sheet};

/// Fills the holes of rows.
pub(crate) fn impute(args: &ImputeArgs, work: &Work) -> Result<ExitCode> {
    let (n, args) = (args.n, &args.rows);
    let output = Output::parse(&args.out, &[&args.file, &args.flow.checkpoint])?;
    if output.is_picture() {
        bail!("rows go to a .csv or .npy file, asked for: {}", args.out);
    }
    let flow = open(&args.flow, work)?;
    let Some(columns) = flow.columns() else {
        bail!("the flow is not one of a table, whose rows have holes")
    };
    let sheet = sheet(&args.file, &args.text)?;
    let values =
        sheet.values_with_holes(columns.iter()).context("the flow needs the columns of its table")?;
    let repeats = n as i64;
    let width = columns.names().len();
    memory::check(
        format!("{} rows, {n} times", sheet.n_rows()),
        100.0 * (sheet.n_rows() * width) as f64 * n as f64,
    )?;
    let values = values.repeat_interleave_self_int(repeats, 0, None);
    let n_given = columns.given().count() as i64;
    let (given, rows) = (values.narrow(1, 0, n_given), values.narrow(1, n_given, values.size()[1] - n_given));
    let conditions = if n_given == 0 { Given::Nothing } else { Given::Numbers(given.shallow_clone()) };
    let found = flow.fill(&rows, &conditions, 0, args.flow.seed_of_samples())?;
    if !work.leads() {
        return Ok(ExitCode::SUCCESS);
    }
    if let Output::Npy(path) = &output {
        table::write_npy(path, &array(columns, &Tensor::cat(&[&given, &found.rows], 1))?)?;
    } else {
        let texts = Columns::texts(columns.states(), &found.rows)?;
        output.write_csv(&sheet.csv_filled(&columns.state_names(), &texts, n as usize)?)?;
    }
    let holes = rows.isnan().sum(tch::Kind::Int64).int64_value(&[]);
    say(
        &args.flow,
        &json!({ "n": found.rows.size()[0], "holes": holes, "nfe": found.nfe, "out": args.out }),
    )?;
    Ok(ExitCode::SUCCESS)
}

//! The figures of a table's flow, in the table's units: data and samples, column by column and pair by pair.

use anyhow::Result;
use interflow_core::{Given, Points};
use interflow_data::{Column, Columns, Form};
use interflow_figure::{self as figure, TableColumn};
use tch::{Device, Kind, Tensor};

use crate::drawing::numbers;
use crate::subject::Subject;

/// Rows of data and samples in a figure.
const N_ROWS: i64 = 5000;
/// Columns in the figure of marginals, and in the one of pairs.
const N_MARGINALS: usize = 12;
const N_PAIRS: usize = 5;

/// Draws `marginals.png` and `pairs.png`, if the target is a table whose training rows can be held at once. Samples
/// are drawn with the conditions of the data's rows, in turn.
///
/// # Errors
/// If a solver fails, the work is cancelled, or a picture cannot be written.
pub fn draw_table(subject: &Subject<'_>) -> Result<()> {
    let (engine, seed) = (subject.engine, subject.seed());
    let Some(data) = subject.target.dataset() else { return Ok(()) };
    let (Some(columns), Some(rows)) = (data.columns(), data.training_rows(seed)) else { return Ok(()) };
    let x0 = subject.base.points(N_ROWS, seed, subject.kind());
    let rows = rows.narrow(0, N_ROWS.min(rows.len()));
    let turn = Tensor::arange(x0.size()[0], (Kind::Int64, Device::Cpu)).remainder(rows.len());
    let given = rows.given.select(&turn);
    let start = Points { x: x0, given };
    let samples = engine.carry(&start, 0.0, 1.0, &engine.work().quietly())?.rows;
    let drawn = table_columns(columns, &rows, &Points { x: samples, given: start.given })?;
    let first = |n: usize| &drawn[..n.min(drawn.len())];
    subject.save("marginals.png", &figure::marginals_image(first(N_MARGINALS)))?;
    if drawn.len() > 1 {
        subject.save("pairs.png", &figure::pairs_image(first(N_PAIRS)))?;
    }
    Ok(())
}

/// Data and samples of the flow's coordinates as columns in their units, the given ones first.
fn table_columns(columns: &Columns, data: &Points, samples: &Points) -> Result<Vec<TableColumn>> {
    let mut drawn = Vec::new();
    if let (Given::Numbers(data), Given::Numbers(samples)) = (&data.given, &samples.given) {
        let (data, samples) = (columns.restore_given(data)?, columns.restore_given(samples)?);
        drawn.extend(side_by_side(columns.given(), &data, &samples)?);
    }
    let (data, samples) = (columns.restore(&data.x)?, columns.restore(&samples.x)?);
    drawn.extend(side_by_side(columns.states(), &data, &samples)?);
    Ok(drawn)
}

/// Rows of data and samples, both `[N, columns]`, column by column.
fn side_by_side<'a>(
    columns: impl Iterator<Item = &'a Column>,
    data: &Tensor,
    samples: &Tensor,
) -> Result<Vec<TableColumn>> {
    let column = |(place, column): (usize, &Column)| -> Result<TableColumn> {
        let data = numbers(&data.select(1, place as i64))?;
        Ok(TableColumn {
            name: column.name.clone(),
            words: words(column, &data)?,
            data,
            samples: numbers(&samples.select(1, place as i64))?,
            // The places of labels are whole numbers.
            quantum: if column.form.labels().is_empty() { column.marginal.quantum() } else { Some(1.0) },
        })
    };
    columns.enumerate().map(column).collect()
}

/// What some of a column's values are called, where they are no numbers: all of a few labels, or two of the times.
fn words(column: &Column, values: &[f64]) -> Result<Vec<(f64, String)>> {
    const N_WORDS: usize = 6;
    const N_SIGNS: usize = 10;
    let labels = column.form.labels().len();
    let places: Vec<f64> = match (&column.form, labels) {
        (Form::Number, _) => return Ok(Vec::new()),
        (_, 0) => {
            let mut present: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
            present.sort_by(f64::total_cmp);
            [1, 3].iter().filter_map(|quarter| present.get(quarter * present.len() / 4).copied()).collect()
        }
        (_, n) => (0..n).step_by(n.div_ceil(N_WORDS)).map(|place| place as f64).collect(),
    };
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let texts = column.form.texts(&Tensor::from_slice(&places))?;
    let brief = |text: String| match text.char_indices().nth(N_SIGNS) {
        Some((end, _)) if labels > 0 => format!("{}…", &text[..end]),
        _ => text,
    };
    Ok(places.into_iter().zip(texts.into_iter().map(brief)).collect())
}

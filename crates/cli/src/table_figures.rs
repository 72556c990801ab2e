//! The figures of a table's flow, in the table's units: data beside samples, column by column and pair by pair.

use anyhow::Result;
use interflow_data::Columns;
use interflow_figure::{self as figure, TableColumn};
use tch::{Device, Kind, Tensor};

use crate::conditions::put_given;
use crate::end::End;
use crate::flow::Flow;
use crate::output::numbers;
use crate::run_folder::RunFolder;

/// Rows of data and samples in a figure.
const N_ROWS: i64 = 5000;
/// Columns in the figure of marginals, and in the one of pairs.
const N_MARGINALS: usize = 12;
const N_PAIRS: usize = 5;

/// Draws `marginals.png` and `pairs.png`, where the target is a table.
pub(crate) fn draw(folder: &RunFolder, flow: &Flow, base: &End, target: &End) -> Result<()> {
    let seed = flow.config.seed;
    let (Some(columns), Some(rows)) = (target.columns(), target.training_rows(seed)) else { return Ok(()) };
    let kind = flow.config.precision.kind();
    let x0 =
        base.sampling_points(0, N_ROWS, seed, kind).unwrap_or_else(|_| base.test_points(N_ROWS, seed, kind));
    // Samples are drawn given the conditions of the data's rows, in turn.
    let n_rows = N_ROWS.min(rows.size()[0]);
    let turn = Tensor::arange(x0.size()[0], (Kind::Int64, Device::Cpu)).remainder(n_rows);
    let given = rows.narrow(1, 0, target.n_given()).index_select(0, &turn);
    let (samples, _) = flow.carry(&put_given(&given, &x0), 0.0, 1.0, |_| {})?;
    let drawn = table_columns(columns, &rows.narrow(0, 0, n_rows), &samples)?;
    let first = |n: usize| &drawn[..n.min(drawn.len())];
    let figures = folder.figures();
    figure::save_png(&figures.join("marginals.png"), &figure::marginals_image(first(N_MARGINALS)))?;
    if drawn.len() > 1 {
        figure::save_png(&figures.join("pairs.png"), &figure::pairs_image(first(N_PAIRS)))?;
    }
    Ok(())
}

/// Data and samples `[N, D]` of the flow's coordinates as columns in their units.
fn table_columns(columns: &Columns, data: &Tensor, samples: &Tensor) -> Result<Vec<TableColumn>> {
    let (data, samples) = (columns.restore(data)?, columns.restore(samples)?);
    let column = |(d, column): (usize, &interflow_data::Column)| -> Result<TableColumn> {
        Ok(TableColumn {
            name: column.name.clone(),
            data: numbers(&data.select(1, d as i64))?,
            samples: numbers(&samples.select(1, d as i64))?,
            quantum: column.quantum,
        })
    };
    columns.iter().enumerate().map(column).collect()
}

//! Rows of a table as a source of a flow's points.

use interflow_core::{Given, Points};
use tch::{Device, Kind, Tensor};

use crate::column::Column;
use crate::columns::Columns;
use crate::error::Result;
use crate::marginal::Affine;
use crate::rows::{CellNoise, Dequantisation, Rows};

/// A source of states in the table's units, which are dequantised and standardised at every visit.
pub(super) fn dequantised(columns: &Columns, rows: &Tensor) -> Result<Rows> {
    let scales: Vec<Affine> = columns.states().filter_map(Column::scale).collect();
    let numbers =
        |number: fn(&Affine) -> f64| Tensor::from_slice(&scales.iter().map(number).collect::<Vec<_>>());
    let dequantisation = Dequantisation {
        places: Vec::new(),
        quantum: numbers(|scale| scale.quantum.unwrap_or(0.0)),
        mean: numbers(|scale| scale.mean),
        deviation: numbers(|scale| scale.deviation),
    };
    let n_given = columns.given().count() as i64;
    let given = columns.standardise_given(&rows.narrow(1, 0, n_given))?.place((Kind::Float, Device::Cpu));
    let states = rows.narrow(1, n_given, rows.size()[1] - n_given).contiguous();
    beside(Rows::dequantised(states, dequantisation)?, given)
}

/// A source of coordinates of which those that are cells are drawn anew in them at every visit.
pub(in crate::sets) fn in_cells(columns: &Columns, rows: &Tensor) -> Result<Rows> {
    let n_given = columns.given().count() as i64;
    let discrete = columns.states().zip(0..).filter(|(column, _)| column.marginal.is_discrete());
    let cells = discrete.map(|(column, d)| (d, column.marginal.cells(&rows.select(1, n_given + d))));
    let points = single(&columns.standardise(rows)?.points);
    Ok(source(points)?.in_cells(CellNoise::of(cells)))
}

/// A source of standardised points.
pub(in crate::sets) fn source(points: Points) -> Result<Rows> {
    beside(Rows::new(points.x)?, points.given)
}

/// Points in single precision.
pub(in crate::sets) fn single(points: &Points) -> Points {
    Points { x: points.x.to_kind(Kind::Float), given: points.given.place((Kind::Float, Device::Cpu)) }
}

/// The rows with what they are given.
fn beside(rows: Rows, given: Given) -> Result<Rows> {
    match given {
        Given::Numbers(numbers) => rows.given(numbers),
        _ => Ok(rows),
    }
}

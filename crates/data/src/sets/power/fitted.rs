//! POWER with every column as its normal score under a law that is fitted to the training rows.
//!
//! A law is uniform within each quantum of its column, so the scores of noisy values are a change of variables of the
//! benchmark's own rows (up to the direction in which a place within a quantum is counted), and the reported density is
//! the benchmark's. Laws have the benchmark's quanta, although every power in the file is an even multiple of its
//! quantum: a law that knew this would gain log 2 = 0.69 nats on every published result, and compare with none.

use tch::{Kind, Tensor};

use super::{NAMES, QUANTUM};
use crate::column::Column;
use crate::columns::Columns;
use crate::error::{Error, Result};
use crate::form::Form;
use crate::marginal::{Bounds, Marginal};
use crate::rows::inner;
use crate::sets::table::kind::ColumnKind;
use crate::sets::table::law::{self, Known};
use crate::sets::table::sources::{in_cells, single, source};
use crate::table_dataset::TableDataset;

/// The last minute of a day.
const LAST_MINUTE: f64 = 1439.0;

/// The data set of shuffled `rows`, `[N, 6]`, with the held-out rows at these places of their quanta.
pub(super) fn dataset(
    rows: &Tensor,
    places: &Tensor,
    deviation: &Tensor,
    [n_train, n_validation, n_test]: [i64; 3],
) -> Result<TableDataset> {
    // The cache is in single precision.
    let quantum = Tensor::from_slice(&QUANTUM);
    let rows = &((rows / &quantum).round() * quantum);
    let places = &inner(places);
    let train = rows.narrow(0, 0, n_train);
    let columns = columns(&train)?;
    let part = |first: i64, n: i64| {
        let of = |x: &Tensor| x.narrow(0, first, n).to_kind(Kind::Double);
        columns.standardise_by(&of(rows), &of(places))
    };
    let (validation, test) = (part(n_train, n_validation)?, part(n_train + n_validation, n_test)?);
    let validation = source(single(&validation.points))?;
    let dataset = TableDataset::new(in_cells(&columns, &train)?, validation, single(&test.points))?;
    // From densities of values to those of standardised ones.
    let of_scales = deviation.log().sum(Kind::Double);
    Ok(dataset.with_columns(columns).with_log_jacobian(test.log_jacobian + of_scales))
}

/// The columns with their laws, from the training rows.
fn columns(train: &Tensor) -> Result<Columns> {
    let column = |(d, (name, quantum)): (i64, (&str, f64))| -> Result<Column> {
        let refused = |problem: String| Error::Rows { problem: format!("column `{name}`: {problem}") };
        let values = Vec::<f64>::try_from(train.select(1, d).contiguous());
        let values = values.map_err(|error| refused(error.to_string()))?;
        let kind = ColumnKind::Lattice(Some(quantum));
        let law =
            law::of(&values, &values, &Form::Number, &Known { kind: Some(&kind), bounds: bounds(name) })?;
        // An atom has a probability, which is a density only where a quantum is 1.
        if quantum < 1.0 && law.atoms().next().is_some() {
            return Err(refused("one value makes up more than 2 % of the rows".to_owned()));
        }
        Ok(Column { marginal: Marginal::Scores(law), ..Column::affine(name, 0.0, 1.0) })
    };
    Columns::new((0..).zip(NAMES.into_iter().zip(QUANTUM)).map(column).collect::<Result<_>>()?)
}

/// Within which bounds a column lies by what it is. Held-out meterings may be above all that were trained on.
fn bounds(name: &str) -> Option<Bounds> {
    match name {
        "Minute" => Some(Bounds { lower: Some(0.0), upper: Some(LAST_MINUTE) }),
        "Voltage" | "Global_active_power" => None,
        _ => Some(Bounds { lower: Some(0.0), upper: None }),
    }
}

//! What a flow's coordinates mean in the units of a table.
//!
//! A flow is trained on `z = (x − mean)/deviation`, column by column, so `ρ_X(x) = ρ_Z(z)/∏ deviation`. A column
//! with a quantum holds multiples of it; the flow models `x + u`, u uniform on one quantum, and a sample is
//! rounded down to its multiple again.

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// One column: its name, its scale and its quantum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The name in the table's header.
    pub name: String,
    /// What is subtracted to standardise it.
    pub mean: f64,
    /// What it is divided by then.
    pub deviation: f64,
    /// The distance of neighbouring values, if the column was dequantised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantum: Option<f64>,
    /// Whether it is a condition: the flow is one of the other columns given this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given: bool,
}

/// The columns of a table in the order of a flow's coordinates: an affine map between their units and the flow's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Column>", into = "Vec<Column>")]
pub struct Columns(Vec<Column>);

impl Columns {
    /// Checks the columns' numbers.
    ///
    /// # Errors
    /// [`Error::Rows`] unless the conditions come first, a column is none, deviations and quanta are positive and
    /// all numbers finite.
    pub fn new(columns: Vec<Column>) -> Result<Self> {
        let refuse = |problem: String| Err(Error::Rows { problem });
        if columns.last().is_none_or(|column| column.given) {
            return refuse("a flow needs at least one column that is no condition".to_owned());
        }
        if !columns.is_sorted_by_key(|column| !column.given) {
            return refuse("conditions come before the other columns".to_owned());
        }
        for Column { name, mean, deviation, quantum, .. } in &columns {
            let positive = |value: f64| value > 0.0 && value.is_finite();
            if !mean.is_finite() || !positive(*deviation) || !quantum.is_none_or(positive) {
                return refuse(format!(
                    "column `{name}` cannot be standardised by mean {mean}, deviation {deviation}, quantum {quantum:?}"
                ));
            }
        }
        Ok(Self(columns))
    }

    /// The columns one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, Column> {
        self.0.iter()
    }

    /// How many of the first columns are conditions.
    pub fn n_given(&self) -> usize {
        self.iter().filter(|column| column.given).count()
    }

    /// The conditions alone, `[N, K]`, in the flow's coordinates: as [`Columns::standardise`] for the first K columns.
    ///
    /// # Errors
    /// [`Error::Rows`] if `x` has other columns.
    pub fn standardise_given(&self, x: &Tensor) -> Result<Tensor> {
        Self(self.iter().filter(|column| column.given).cloned().collect()).standardise(x)
    }

    /// The columns' names.
    pub fn names(&self) -> Vec<String> {
        self.iter().map(|column| column.name.clone()).collect()
    }

    /// The flow's coordinates of rows `x`, `[N, D]`, in double precision on the CPU. A value of a column with a
    /// quantum stands for the middle of its cell.
    ///
    /// # Errors
    /// [`Error::Rows`] if `x` has other columns.
    pub fn standardise(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.admit(x)?;
        let columns = self.iter().zip(x.unbind(1)).map(|(column, x)| {
            let x =
                column.quantum.map_or_else(|| x.shallow_clone(), |quantum| cell(&x, quantum) + 0.5 * quantum);
            (x - column.mean) / column.deviation
        });
        Ok(Tensor::stack(&columns.collect::<Vec<_>>(), 1))
    }

    /// The rows `[N, D]` that the flow's coordinates `z`, `[N, D]`, stand for, in double precision on the CPU.
    ///
    /// # Errors
    /// [`Error::Rows`] if `z` has other columns.
    pub fn restore(&self, z: &Tensor) -> Result<Tensor> {
        let z = self.admit(z)?;
        let columns = self.iter().zip(z.unbind(1)).map(|(column, z)| {
            let x = z * column.deviation + column.mean;
            column.quantum.map_or_else(|| x.shallow_clone(), |quantum| cell(&x, quantum))
        });
        Ok(Tensor::stack(&columns.collect::<Vec<_>>(), 1))
    }

    /// `log |∂z/∂x|` in nats, the same everywhere: what a log-density of z needs to become one of x. Conditions
    /// have no part in it.
    pub fn log_jacobian(&self) -> f64 {
        -self.iter().filter(|column| !column.given).map(|column| column.deviation.ln()).sum::<f64>()
    }

    /// Whether `other` has the same columns on the same scale, up to the rounding of sums.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let close = |a: &Column, b: &Column| {
            let off = ((a.mean - b.mean).abs()).max((a.deviation - b.deviation).abs());
            a.name == b.name && a.given == b.given && a.quantum == b.quantum && off <= 1e-6 * a.deviation
        };
        self.0.len() == other.0.len() && self.iter().zip(other.iter()).all(|(a, b)| close(a, b))
    }

    fn admit(&self, x: &Tensor) -> Result<Tensor> {
        let size = x.size();
        if size.len() != 2 || size[1] != self.0.len() as i64 {
            let problem = format!("expected rows of {} columns, found: {size:?}", self.0.len());
            return Err(Error::Rows { problem });
        }
        Ok(x.to_device(Device::Cpu).to_kind(Kind::Double))
    }
}

/// The lower end of the cell that holds `x`. A product with 1/quantum keeps decimal quanta decimal: 3 cells of 0.1
/// are 3/10 = 0.3, but 3 · 0.1 = 0.30000000000000004.
fn cell(x: &Tensor, quantum: f64) -> Tensor {
    // Rows hold multiples of the quantum up to rounding, which must not push them one cell down.
    (x / quantum + 1e-9).floor() / (1.0 / quantum)
}

impl TryFrom<Vec<Column>> for Columns {
    type Error = Error;

    fn try_from(columns: Vec<Column>) -> Result<Self> {
        Self::new(columns)
    }
}

impl From<Columns> for Vec<Column> {
    fn from(columns: Columns) -> Self {
        columns.0
    }
}

impl<'a> IntoIterator for &'a Columns {
    type Item = &'a Column;
    type IntoIter = std::slice::Iter<'a, Column>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

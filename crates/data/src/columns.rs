//! What a flow's points mean in the units of a table.
//!
//! Some columns are the coordinates of the state, others are given: numbers beside the state. A flow is trained on `z = (x − mean)/deviation`, column by column, so `ρ_X(x) = ρ_Z(z)/∏ deviation`. A column
//! with a quantum holds multiples of it; the flow models `x + u`, u uniform on one quantum, and a sample is
//! rounded down to its multiple again.

use interflow_core::{Given, GivenSpace, Points, Space};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};

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
    /// Whether the flow is given this column, instead of its being a coordinate of the state.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given: bool,
}

/// The columns of a table, those that are given before those of the state: an affine map between their units and the
/// flow's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Column>", into = "Vec<Column>")]
pub struct Columns(Vec<Column>);

impl Columns {
    /// Checks the columns' numbers.
    ///
    /// # Errors
    /// [`Error::Rows`] unless the columns that are given come first, at least one is not given, deviations and quanta are
    /// positive and all numbers finite.
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
                    "column `{name}` cannot be standardised by mean {mean:e}, deviation {deviation:e}, quantum {quantum:?}"
                ));
            }
        }
        Ok(Self(columns))
    }

    /// The columns one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, Column> {
        self.0.iter()
    }

    /// The columns that a flow is given.
    pub fn given(&self) -> impl Iterator<Item = &Column> {
        self.iter().filter(|column| column.given)
    }

    /// The columns that are the coordinates of a flow's state.
    pub fn states(&self) -> impl Iterator<Item = &Column> {
        self.iter().filter(|column| !column.given)
    }

    /// The dimension of the state and what it is given.
    pub fn space(&self) -> Space {
        let given = match self.given().count() {
            0 => GivenSpace::Nothing {},
            n => GivenSpace::Numbers { n: n as i64 },
        };
        Space { dim: self.states().count() as i64, given }
    }

    /// The names of all columns, in their order.
    pub fn names(&self) -> Vec<String> {
        names(self.iter())
    }

    /// The names of the columns that a flow is given.
    pub fn given_names(&self) -> Vec<String> {
        names(self.given())
    }

    /// The names of the columns that are the coordinates of a flow's state.
    pub fn state_names(&self) -> Vec<String> {
        names(self.states())
    }

    /// The flow's points of rows `[N, K + D]` of all columns in their order, in double precision on the CPU. A value of
    /// a column with a quantum stands for the middle of its cell.
    ///
    /// # Errors
    /// [`Error::Rows`] if the rows have another number of columns.
    pub fn standardise(&self, rows: &Tensor) -> Result<Points> {
        let all = standardised(self.iter(), rows)?;
        Ok(self.part(&all))
    }

    /// States and what they are given of rows `[N, K + D]` of all columns in their order.
    pub(crate) fn part(&self, rows: &Tensor) -> Points {
        let (n_given, dim) = (self.given().count() as i64, self.states().count() as i64);
        if n_given == 0 {
            return Points::from(rows.shallow_clone());
        }
        let given = Given::Numbers(rows.narrow(1, 0, n_given).contiguous());
        Points { x: rows.narrow(1, n_given, dim).contiguous(), given }
    }

    /// What a flow is given by rows `[N, K]` of the given columns alone, in double precision on the CPU.
    ///
    /// # Errors
    /// [`Error::Rows`] if the rows have another number of columns.
    pub fn standardise_given(&self, rows: &Tensor) -> Result<Given> {
        let numbers = standardised(self.given(), rows)?;
        Ok(if self.space().given.is_nothing() { Given::Nothing } else { Given::Numbers(numbers) })
    }

    /// The rows `[N, D]` of the state's columns that a flow's states `z`, `[N, D]`, stand for, in double precision on
    /// the CPU.
    ///
    /// # Errors
    /// [`Error::Rows`] if `z` has another number of columns.
    pub fn restore(&self, z: &Tensor) -> Result<Tensor> {
        restored(self.states(), z)
    }

    /// The rows `[N, K]` of the given columns that a flow's conditions `numbers`, `[N, K]`, stand for, in double
    /// precision on the CPU.
    ///
    /// # Errors
    /// [`Error::Rows`] if `numbers` has another number of columns.
    pub fn restore_given(&self, numbers: &Tensor) -> Result<Tensor> {
        restored(self.given(), numbers)
    }

    /// `log |∂z/∂x|` of the states in nats, the same everywhere: what is added to a log-density of z to get that of x.
    pub fn log_jacobian(&self) -> f64 {
        -self.states().map(|column| column.deviation.ln()).sum::<f64>()
    }

    /// Whether `other` has the same columns on the same scale, up to the rounding of sums.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let close = |a: &Column, b: &Column| {
            let off = ((a.mean - b.mean).abs()).max((a.deviation - b.deviation).abs());
            a.name == b.name && a.given == b.given && a.quantum == b.quantum && off <= 1e-6 * a.deviation
        };
        self.0.len() == other.0.len() && self.iter().zip(other.iter()).all(|(a, b)| close(a, b))
    }
}

fn names<'a>(columns: impl Iterator<Item = &'a Column>) -> Vec<String> {
    columns.map(|column| column.name.clone()).collect()
}

fn standardised<'a>(columns: impl Iterator<Item = &'a Column>, x: &Tensor) -> Result<Tensor> {
    each(columns, x, |column, x| {
        let x = column.quantum.map_or_else(|| x.shallow_clone(), |quantum| cell(&x, quantum) + 0.5 * quantum);
        (x - column.mean) / column.deviation
    })
}

fn restored<'a>(columns: impl Iterator<Item = &'a Column>, z: &Tensor) -> Result<Tensor> {
    each(columns, z, |column, z| {
        let x = z * column.deviation + column.mean;
        column.quantum.map_or_else(|| x.shallow_clone(), |quantum| cell(&x, quantum))
    })
}

/// `f` of each column of `x`, `[N, W]`, in double precision on the CPU.
fn each<'a>(
    columns: impl Iterator<Item = &'a Column>,
    x: &Tensor,
    f: impl Fn(&Column, Tensor) -> Tensor,
) -> Result<Tensor> {
    let columns: Vec<&Column> = columns.collect();
    let x = admit(columns.len(), x)?;
    if columns.is_empty() {
        return Ok(x);
    }
    let results: Vec<Tensor> = columns.into_iter().zip(x.unbind(1)).map(|(column, x)| f(column, x)).collect();
    Ok(Tensor::stack(&results, 1))
}

/// Rows of `n` columns, in double precision on the CPU.
fn admit(n: usize, x: &Tensor) -> Result<Tensor> {
    let size = x.size();
    if size.len() != 2 || size[1] != n as i64 {
        return Err(Error::Rows { problem: format!("expected rows of {n} columns, found: {size:?}") });
    }
    Ok(x.to_device(Device::Cpu).to_kind(Kind::Double))
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

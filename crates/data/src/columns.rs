//! The columns of a table: the map between its units and a flow's coordinates.
//!
//! Some columns are coordinates of the state; others are conditions, numbers beside the state. Each column has its
//! own map between values and coordinates ([`crate::Marginal`]), so log-densities differ by a sum over columns. For a
//! column of numbers `z = (x − mean)/deviation`, and so `ρ_X(x) = ρ_Z(z)/∏ deviation`. If it has a quantum, its
//! values are multiples of it; the flow models `x + u` with u uniform on one quantum, and a sample is rounded down to
//! its multiple again.

mod possible;

use interflow_core::backward::{Graph, gradient};
use interflow_core::{Given, GivenSpace, Points, Space};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::column::Column;
use crate::error::{Error, Result};
use crate::marginal::{Marginal, log_normal};
use crate::sheet::names::file_order;

/// The columns of a table, conditions before states: the map between the table's units and the flow's coordinates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Column>", into = "Vec<Column>")]
pub struct Columns(Vec<Column>);

/// Rows of a table in a flow's coordinates.
#[derive(Debug)]
pub struct Standardised {
    /// The states with their conditions, in double precision on the CPU.
    pub points: Points,
    /// What to add to the log-density of a state to get that of its row, `[N]` in nats. It is −∞ for a row that is
    /// impossible, for example because it has an unseen category.
    pub log_jacobian: Tensor,
}

impl Columns {
    /// The columns in this order, after a check of their numbers.
    ///
    /// # Errors
    /// [`Error::Rows`] unless the conditions come first, at least one column is not a condition, deviations and
    /// quanta are positive, and all numbers are finite.
    pub fn new(columns: Vec<Column>) -> Result<Self> {
        let refuse = |problem: String| Err(Error::Rows { problem });
        if columns.last().is_none_or(|column| column.given) {
            return refuse("a flow needs at least one column that is not a condition".to_owned());
        }
        if !columns.is_sorted_by_key(|column| !column.given) {
            return refuse("conditions come before the other columns".to_owned());
        }
        for Column { name, marginal, .. } in &columns {
            if let Marginal::Affine(affine) = marginal
                && !affine.is_usable()
            {
                return refuse(format!(
                    "column `{name}` cannot be standardised by mean {:e}, deviation {:e}, quantum {:?}",
                    affine.mean, affine.deviation, affine.quantum
                ));
            }
        }
        Ok(Self(columns))
    }

    /// All columns, in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Column> {
        self.0.iter()
    }

    /// The columns that are conditions of the flow.
    pub fn given(&self) -> impl Iterator<Item = &Column> {
        self.iter().filter(|column| column.given)
    }

    /// The columns that are coordinates of the flow's state.
    pub fn states(&self) -> impl Iterator<Item = &Column> {
        self.iter().filter(|column| !column.given)
    }

    /// The dimension of the state and the conditions, in the flow's coordinates.
    pub fn space(&self) -> Space {
        let given = match self.given().map(Column::width).sum() {
            0 => GivenSpace::Nothing {},
            n => GivenSpace::Numbers { n },
        };
        Space { dim: self.states().count() as i64, given }
    }

    /// The dimension of the state and the conditions of rows as they are in the file, where each given column is one
    /// number.
    pub fn rows_space(&self) -> Space {
        let given = match self.given().count() {
            0 => GivenSpace::Nothing {},
            n => GivenSpace::Numbers { n: n as i64 },
        };
        Space { given, ..self.space() }
    }

    /// The names of all columns, in their order.
    pub fn names(&self) -> Vec<String> {
        names(self.iter())
    }

    /// Rows `[N, W]` that begin with all columns in their order, as an array without names has them: all columns of a
    /// file without a header in the order of that file.
    pub fn in_file_order(&self, rows: &Tensor) -> Tensor {
        let order = file_order(&self.names()).into_iter().chain(self.0.len()..rows.size()[1] as usize);
        let order: Vec<i64> = order.map(|place| place as i64).collect();
        rows.index_select(1, &Tensor::from_slice(&order).to_device(rows.device()))
    }

    /// The names of the columns that are conditions of the flow.
    pub fn given_names(&self) -> Vec<String> {
        names(self.given())
    }

    /// The names of the columns that are coordinates of the flow's state.
    pub fn state_names(&self) -> Vec<String> {
        names(self.states())
    }

    /// The mean and standard deviation of each state column, if all of them are only shifted and scaled; then states
    /// on the path are in the columns' units too.
    pub fn scales(&self) -> Option<Vec<(f64, f64)>> {
        self.states().map(|column| column.scale().map(|scale| (scale.mean, scale.deviation))).collect()
    }

    /// The same columns without quanta, for states on the path, which are not multiples of anything.
    #[must_use]
    pub fn without_quanta(&self) -> Self {
        Self(self.iter().map(|column| column.clone().with_quantum(None)).collect())
    }

    /// The flow's points of rows `[N, K + D]` of all columns in their order, with NaN for missing values. A discrete
    /// value, such as an integer or a category, is placed in the middle of its cell.
    ///
    /// # Errors
    /// [`Error::Rows`] if the rows have another number of columns.
    pub fn standardise(&self, rows: &Tensor) -> Result<Standardised> {
        let size = [rows.size().first().copied().unwrap_or(0), self.states().count() as i64];
        let middle = Tensor::full([1, 1], 0.5, (Kind::Double, Device::Cpu));
        self.standardise_by(rows, &middle.expand(size, false))
    }

    /// As [`Columns::standardise`], but with each discrete value at the place `share`, `[N, D]` in (0, 1), within its
    /// cell.
    ///
    /// # Errors
    /// As [`Columns::standardise`].
    pub fn standardise_by(&self, rows: &Tensor, share: &Tensor) -> Result<Standardised> {
        let rows = admit(self.0.len(), rows)?;
        let n_given = self.given().count() as i64;
        if share.size() != [rows.size()[0], self.states().count() as i64] {
            let problem = format!(
                "places in cells need one for each value of {:?}, found: {:?}",
                rows.size(),
                share.size()
            );
            return Err(Error::Rows { problem });
        }
        let (given, states) = (rows.narrow(1, 0, n_given), rows.narrow(1, n_given, rows.size()[1] - n_given));
        let x = states.empty_like();
        let mut log_jacobian = Tensor::zeros([rows.size()[0]], (Kind::Double, Device::Cpu));
        for (column, d) in self.states().zip(0..) {
            let found = column.coordinates(&states.select(1, d), &share.select(1, d));
            x.select(1, d).copy_(&found.z);
            log_jacobian += found.log_jacobian;
        }
        Ok(Standardised { points: Points { x, given: self.standardise_given(&given)? }, log_jacobian })
    }

    /// The coordinate of the number `x` in state column `d`, and its derivative dz/dx there.
    ///
    /// # Errors
    /// [`Error::Rows`] if there is no such column, or if its numbers have no density at `x`.
    pub fn tangent(&self, d: i64, x: f64) -> Result<(f64, f64)> {
        let column = usize::try_from(d).ok().and_then(|d| self.states().nth(d));
        let Some(column) = column else {
            return Err(Error::Rows { problem: format!("there is no column {d}") });
        };
        let smooth = column.clone().with_quantum(None);
        if smooth.marginal.is_discrete() {
            let problem = format!("column `{}` is not of numbers with a density", column.name);
            return Err(Error::Rows { problem });
        }
        let x = Tensor::from_slice(&[x]);
        let found = smooth.coordinates(&x, &x.full_like(0.5));
        let (z, log_slope) = (found.z.double_value(&[0]), found.log_jacobian.double_value(&[0]));
        if log_slope.is_finite() {
            return Ok((z, log_slope.exp()));
        }
        Err(Error::Rows { problem: format!("column `{}` cannot be {}", column.name, x.double_value(&[0])) })
    }

    /// What turns a score with respect to coordinates into one with respect to values, at rows `[N, K + D]`: the
    /// derivatives `∂z/∂x`, and the gradients of the rows' log-Jacobian, both `[N, D]`.
    ///
    /// # Errors
    /// [`Error::Rows`] if the rows have another number of columns, or a column's numbers have no density.
    pub fn slopes(&self, rows: &Tensor) -> Result<(Tensor, Tensor)> {
        if let Some(column) =
            self.states().find(|column| column.marginal.is_discrete() && column.scale().is_none())
        {
            let problem = format!("column `{}` has no density, and so no score", column.name);
            return Err(Error::Rows { problem });
        }
        let rows = admit(self.0.len(), rows)?;
        let n_given = self.given().count() as i64;
        let (mut slopes, mut bends) = (Vec::new(), Vec::new());
        for (column, d) in self.states().zip(0..) {
            let x = rows.select(1, n_given + d).copy().set_requires_grad(true);
            let log_slope = column.coordinates(&x, &x.full_like(0.5)).log_jacobian;
            slopes.push(log_slope.detach().exp());
            let bend =
                gradient("differentiate a column's law", &log_slope.sum(Kind::Double), &x, Graph::Freed);
            bends.push(bend.map_err(|error| Error::Rows { problem: error.to_string() })?);
        }
        Ok((Tensor::stack(&slopes, 1), Tensor::stack(&bends, 1)))
    }

    /// The flow's conditions for rows `[N, K]` of the given columns alone, in double precision on the CPU.
    ///
    /// # Errors
    /// [`Error::Rows`] if the rows have another number of columns, or have values that the flow was never given in
    /// training.
    pub fn standardise_given(&self, rows: &Tensor) -> Result<Given> {
        let rows = admit(self.given().count(), rows)?;
        if self.space().given.is_nothing() {
            return Ok(Given::Nothing);
        }
        let numbers = self.given().zip(0..).map(|(column, place)| column.as_given(&rows.select(1, place)));
        Ok(Given::Numbers(Tensor::cat(&numbers.collect::<Result<Vec<_>>>()?, 1)))
    }

    /// The rows `[N, D]` of the state columns for a flow's states `z`, `[N, D]`, in double precision on the CPU, with
    /// NaN for missing values.
    ///
    /// # Errors
    /// [`Error::Rows`] if `z` has another number of columns.
    pub fn restore(&self, z: &Tensor) -> Result<Tensor> {
        let columns: Vec<&Column> = self.states().collect();
        let z = admit(columns.len(), z)?;
        let values: Vec<Tensor> =
            columns.into_iter().zip(z.unbind(1)).map(|(column, z)| column.marginal.values(&z)).collect();
        Ok(Tensor::stack(&values, 1))
    }

    /// What to add to the log-densities of the states `z`, `[N, D]`, to get those of their rows `x` as
    /// [`Columns::restore`] returns them, `[N]` in nats. Discrete values are taken at each state's own place within
    /// its cell, instead of the middle.
    ///
    /// # Errors
    /// [`Error::Rows`] if the rows have another number of columns.
    pub fn log_jacobian_of(&self, z: &Tensor, x: &Tensor) -> Result<Tensor> {
        let columns: Vec<&Column> = self.states().collect();
        let (z, x) = (admit(columns.len(), z)?, admit(columns.len(), x)?);
        if z.size() != x.size() {
            return Err(Error::Rows {
                problem: format!("expected rows of {:?}, found: {:?}", z.size(), x.size()),
            });
        }
        let of = |(column, (z, x)): (&Column, (Tensor, Tensor))| match &column.marginal {
            Marginal::Affine(affine) => z.full_like(-affine.deviation.ln()),
            Marginal::Scores(scores) => scores.cells(&x).log_weight - log_normal(&z),
        };
        let each: Vec<Tensor> =
            columns.into_iter().zip(z.unbind(1).into_iter().zip(x.unbind(1))).map(of).collect();
        Ok(Tensor::stack(&each, 1).sum_dim_intlist(1i64, false, Kind::Double))
    }

    /// The rows `[N, K]` of the given columns for a flow's conditions `numbers`, in double precision on the CPU. The
    /// part of the conditions that tells known coordinates ([`interflow_core::known`]) is left out.
    ///
    /// # Errors
    /// [`Error::Rows`] if `numbers` has fewer columns.
    pub fn restore_given(&self, numbers: &Tensor) -> Result<Tensor> {
        let width = self.given().map(Column::width).sum::<i64>();
        let has = numbers.size().get(1).copied().unwrap_or(0);
        let numbers =
            if has == width + 2 * self.space().dim { &numbers.narrow(1, 0, width) } else { numbers };
        let numbers = admit(width as usize, numbers)?;
        let mut first = 0;
        let values: Vec<Tensor> = self
            .given()
            .map(|column| {
                let own = numbers.narrow(1, first, column.width());
                first += column.width();
                column.of_given(&own)
            })
            .collect();
        if values.is_empty() {
            return Ok(numbers);
        }
        Ok(Tensor::stack(&values, 1))
    }

    /// The values of rows `[N, W]`, of as many columns, as texts as they are written in a file, column by column.
    ///
    /// # Errors
    /// [`Error::Rows`] if the rows have another number of columns.
    pub fn texts<'a>(columns: impl Iterator<Item = &'a Column>, rows: &Tensor) -> Result<Vec<Vec<String>>> {
        let columns: Vec<&Column> = columns.collect();
        if rows.size().get(1) != Some(&(columns.len() as i64)) {
            let problem = format!("expected rows of {} columns, found: {:?}", columns.len(), rows.size());
            return Err(Error::Rows { problem });
        }
        let column = |(column, d): (&Column, i64)| column.form.texts(&rows.select(1, d));
        columns.into_iter().zip(0..).map(column).collect()
    }

    /// Whether `other` has the same columns on the same scales, up to the rounding of sums.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let close = |a: &Column, b: &Column| {
            let same = match (a.scale(), b.scale()) {
                (Some(a), Some(b)) => {
                    let off = ((a.mean - b.mean).abs()).max((a.deviation - b.deviation).abs());
                    a.quantum == b.quantum && off <= 1e-6 * a.deviation
                }
                _ => a.marginal.agrees_with(&b.marginal),
            };
            a.name == b.name && a.given == b.given && a.form == b.form && same
        };
        self.0.len() == other.0.len() && self.iter().zip(other.iter()).all(|(a, b)| close(a, b))
    }
}

fn names<'a>(columns: impl Iterator<Item = &'a Column>) -> Vec<String> {
    columns.map(|column| column.name.clone()).collect()
}

/// Rows of `n` columns, in double precision on the CPU.
fn admit(n: usize, x: &Tensor) -> Result<Tensor> {
    let size = x.size();
    if size.len() != 2 || size[1] != n as i64 {
        return Err(Error::Rows { problem: format!("expected rows of {n} columns, found: {size:?}") });
    }
    Ok(x.to_device(Device::Cpu).to_kind(Kind::Double))
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

//! What rows can be by the laws of their columns.

use tch::{Device, Tensor};

use super::{Columns, admit};
use crate::column::Column;
use crate::error::{Error, Result};

impl Columns {
    /// Whether each of the values `[N, D]` of the state columns is possible, or is missing: `[N, D]`.
    ///
    /// # Errors
    /// [`Error::Rows`] if the rows have another number of columns.
    pub fn possible(&self, rows: &Tensor) -> Result<Tensor> {
        let columns: Vec<&Column> = self.states().collect();
        let rows = admit(columns.len(), rows)?;
        let of = |(column, x): (&Column, Tensor)| {
            column.marginal.cells(&x).log_weight.isneginf().logical_not().logical_or(&x.isnan())
        };
        let each: Vec<Tensor> = columns.into_iter().zip(rows.unbind(1)).map(of).collect();
        Ok(Tensor::stack(&each, 1))
    }

    /// Refuses rows `[N, D]` of the state columns with an impossible value: outside the bounds of its column, off its
    /// lattice, an unseen category, or missing in a column that had no missing values.
    ///
    /// # Errors
    /// [`Error::Rows`] naming the first such row, its column and the value, or if the rows have another number of columns.
    pub fn check_possible(&self, rows: &Tensor) -> Result<()> {
        let may_miss: Vec<bool> = self.states().map(|column| column.marginal.may_miss()).collect();
        let gone =
            rows.isnan().to_device(Device::Cpu).logical_and(&Tensor::from_slice(&may_miss).logical_not());
        self.refuse_where(rows, &self.possible(rows)?.logical_not().logical_or(&gone))
    }

    /// As [`Columns::check_possible`], but any value may be missing (NaN).
    ///
    /// # Errors
    /// As [`Columns::check_possible`].
    pub fn check_possible_with_holes(&self, rows: &Tensor) -> Result<()> {
        self.refuse_where(rows, &self.possible(rows)?.logical_not())
    }

    /// Names the first value of `rows`, `[N, D]`, at which `wrong` holds.
    fn refuse_where(&self, rows: &Tensor, wrong: &Tensor) -> Result<()> {
        let places = wrong.nonzero();
        if places.numel() == 0 {
            return Ok(());
        }
        let (row, d) = (places.int64_value(&[0, 0]), places.int64_value(&[0, 1]));
        let Some(column) = self.states().nth(d as usize) else { return Ok(()) };
        let value = match rows.double_value(&[row, d]) {
            value if value.is_nan() => "nothing".to_owned(),
            _ if !column.form.labels().is_empty() => "another category".to_owned(),
            value => column.form.said(value),
        };
        let problem = format!("row {} has what column `{}` cannot be: {value}", row + 1, column.name);
        Err(Error::Rows { problem })
    }

    /// Refuses conditions, rows `[N, K]` of the given columns, that are too far from those of training for the
    /// network to be of use.
    ///
    /// # Errors
    /// [`Error::Rows`] naming the first such row, its column and the value, or if the rows have another number of columns.
    pub fn check_given(&self, rows: &Tensor) -> Result<()> {
        /// Usual deviations from the middle.
        const FARTHEST: f64 = 1e6;
        let rows = admit(self.given().count(), rows)?;
        for (column, d) in self.given().zip(0..).filter(|(column, _)| column.form.labels().is_empty()) {
            let x = rows.select(1, d);
            let cells = column.marginal.cells(&x);
            let far = cells.point.abs().gt(FARTHEST).logical_or(&cells.log_weight.isneginf());
            let far = far.logical_and(&x.isnan().logical_not()).nonzero();
            if far.numel() > 0 {
                let row = far.int64_value(&[0, 0]);
                let (value, name) = (column.form.said(x.double_value(&[row])), &column.name);
                let problem = format!(
                    "row {} is given too far from what the flow was fitted to, `{name}` is: {value}",
                    row + 1
                );
                return Err(Error::Rows { problem });
            }
        }
        Ok(())
    }
}

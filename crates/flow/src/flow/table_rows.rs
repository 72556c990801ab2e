//! Rows in the units of a flow's table, whatever the time.

use interflow_core::Points;
use interflow_data::Columns;
use tch::Tensor;

use super::Flow;
use crate::engine::Computed;
use crate::error::Result;

/// Rows of a file or a data frame, which are in the units of the flow's table at every time. A flow's own points are not: at t = 0
/// they are in those of its base, and in between in its coordinates, unless mean and deviation are all that makes these.
#[derive(Debug)]
pub struct TableRows {
    /// The rows as points of time 1.
    pub points: Points,
    /// The same rows `[N, K + D]`, what is given before the states.
    pub values: Tensor,
}

impl TableRows {
    /// The rows as the flow's points of time `t`, with what is added to their log-density there to get that of the rows, one
    /// number or one for each row, `[N]`.
    ///
    /// # Errors
    /// If the rows are not those of the flow's table.
    pub fn at(&self, t: f64, flow: &Flow) -> Result<(Points, Tensor)> {
        let Some(columns) = elsewhere(flow, t) else {
            return Ok((self.points.shallow_clone(), Tensor::from(0.0)));
        };
        let found = columns.standardise(&self.values)?;
        Ok((Points { x: found.points.x, given: self.points.given.shallow_clone() }, found.log_jacobian))
    }
}

/// The columns of a flow's table at a time at which its points are not in their units.
fn elsewhere(flow: &Flow, t: f64) -> Option<&Columns> {
    flow.columns().filter(|columns| t <= 0.0 || (t < 1.0 && columns.scales().is_none()))
}

impl Flow {
    /// `log ρ_t` in nats of rows, `[N]`, by the flow's solver or, for a flow map, in so many `calls` of it.
    ///
    /// # Errors
    /// As [`Flow::log_density`] and [`Flow::log_density_in`].
    pub fn log_density_of_rows(&self, rows: &TableRows, t: f64, calls: Option<u32>) -> Result<Computed> {
        let (points, log_jacobian) = rows.at(t, self)?;
        let found = match calls {
            None => self.log_density_counted(&points, t)?,
            Some(calls) => self.log_density_in(&points, t, calls)?,
        };
        Ok(Computed { rows: found.rows + log_jacobian, nfe: found.nfe })
    }

    /// The score `∇log ρ_t` of rows in their own units, `[N, D]`.
    ///
    /// # Errors
    /// As [`Flow::score`].
    pub fn score_of_rows(&self, rows: &TableRows, t: f64) -> Result<Tensor> {
        let (points, _) = rows.at(t, self)?;
        let score = self.score(&points, t)?;
        let Some(columns) = elsewhere(self, t) else { return Ok(score) };
        let (slope, bend) = columns.slopes(&rows.values)?;
        Ok(score * slope + bend)
    }
}

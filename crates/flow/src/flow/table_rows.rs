//! Rows in the units of a flow's table, whatever the time.

use interflow_core::Points;
use interflow_data::Columns;
use tch::Tensor;

use super::{DensityOptions, Flow};
use crate::engine::Computed;
use crate::error::Result;

/// Rows of a file or a data frame, which are in the units of the flow's table at every time. The points that [`Flow`]
/// takes are not: at t = 0 they are in the units of the base and, unless the columns are only shifted and scaled, in
/// the flow's own coordinates between t = 0 and t = 1.
#[derive(Debug)]
pub struct TableRows {
    /// The rows as the flow's points at time 1: states `[N, D]` and conditions.
    pub points: Points,
    /// The same rows `[N, K + D]`, with the K conditions before the D states.
    pub values: Tensor,
}

impl TableRows {
    /// The rows as points of the flow at time `t`, and the log-Jacobian to add to their log-density there to get that
    /// of the rows: one number for all, or `[N]`, in nats.
    ///
    /// # Errors
    /// If the rows do not fit the flow's table.
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
    /// The log-density `log ρ_t` of rows at time `t`, `[N]` in nats.
    ///
    /// # Errors
    /// As [`Flow::log_density_with`].
    pub fn log_density_of_rows(
        &self,
        rows: &TableRows,
        t: f64,
        options: &DensityOptions,
    ) -> Result<Computed> {
        let (points, log_jacobian) = rows.at(t, self)?;
        let found = self.log_density_with(&points, t, options)?;
        Ok(Computed { rows: found.rows + log_jacobian, nfe: found.nfe })
    }

    /// The score `∇log ρ_t` of rows in their own units at time `t`, `[N, D]`.
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

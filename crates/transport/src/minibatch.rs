//! Couplings that pair the points of each batch by optimal transport (\[T23\]).
//!
//! Base points are exchanged among the target points of a batch. Each block of rows is paired by itself, because a
//! batch may be larger than what can be assigned at once.
//!
//! **Conditions.** If target points have conditions c, the flow of x given c has to start from the same base law for
//! every c. A pairing across conditions would break that: base points on the left would go with the conditions whose
//! targets lie on the left. So base points are only exchanged between rows with equal conditions, which keeps the
//! base exactly independent of the conditions. Each class is thus paired by itself, and conditions that all differ
//! leave the batch as it is.

use interflow_core::Points;
use interflow_core::coupling::Coupling;
use interflow_core::rng::Draw;
use interflow_core::shape::check_same;
use tch::{Kind, Tensor};

use crate::assignment::assign;
use crate::costs::Costs;
use crate::error::{Error, Result, check_range, torch};
use crate::sinkhorn::Sinkhorn;

/// How the points of a block are paired.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pairing {
    /// One to one, so that the total squared distance is least.
    Exact,
    /// By draws from the entropic plan: each target row draws a base row, so a base row may occur several times.
    Sinkhorn(Sinkhorn),
}

/// The coupling that pairs the points of each batch by optimal transport for the squared distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Minibatch {
    /// How a block is paired.
    pub pairing: Pairing,
    /// How many rows are paired at a time; without it, the whole batch.
    pub block: Option<i64>,
}

/// # Errors
/// [`interflow_core::Error::Coupling`] for a block without rows, costs that are not finite, and plans that did not converge.
impl Coupling for Minibatch {
    fn pair(&self, x0: Tensor, x1: Points, draw: &mut Draw) -> interflow_core::Result<(Tensor, Points)> {
        check_same("minibatch coupling", &x0, &x1.x)?;
        let refuse = |error: Error| interflow_core::Error::Coupling { source: Box::new(error) };
        let n = x1.len();
        x1.given.check_rows("minibatch coupling", n)?;
        let block = self.block.unwrap_or(n.max(1));
        check_range("block", "positive", block as f64, block > 0).map_err(refuse)?;
        let mut rows = Vec::with_capacity(n as usize);
        for first in (0..n).step_by(block as usize) {
            let length = block.min(n - first);
            let (x0, x1) = (x0.narrow(0, first, length), x1.narrow(first, length));
            let chosen = self.base_rows(&x0, &x1, draw).map_err(refuse)?;
            rows.extend(chosen.into_iter().map(|row| first + row));
        }
        let rows = Tensor::from_slice(&rows).to_device(x0.device());
        Ok((x0.index_select(0, &rows), x1))
    }
}

impl Minibatch {
    /// The base row that goes with each target row of a block.
    fn base_rows(&self, x0: &Tensor, x1: &Points, draw: &mut Draw) -> Result<Vec<i64>> {
        let mut chosen: Vec<i64> = (0..x1.len()).collect();
        for rows in x1.given.groups(x1.len())? {
            if rows.len() == 1 && matches!(self.pairing, Pairing::Exact) {
                continue;
            }
            let index = Tensor::from_slice(&rows).to_device(x0.device());
            let part = |x: &Tensor| x.index_select(0, &index);
            // Transposed: rows of the costs are target points.
            let costs = Costs::squared_distances(&part(&x1.x), &part(x0))?;
            let partners = match self.pairing {
                Pairing::Exact => assign(&costs)?,
                Pairing::Sinkhorn(sinkhorn) => partners(&sinkhorn, &costs, draw)?,
            };
            for (row, partner) in rows.iter().zip(partners) {
                chosen[*row as usize] = rows[partner];
            }
        }
        Ok(chosen)
    }
}

/// A column for each row, drawn from the plan given the row.
fn partners(sinkhorn: &Sinkhorn, costs: &Costs, draw: &mut Draw) -> Result<Vec<usize>> {
    let n = costs.n();
    let plan = sinkhorn.plan(costs)?.converged()?;
    let given_row = plan.log_plan.softmax(1, Kind::Double).cumsum(1, Kind::Double);
    let levels = draw.uniform(&[n as i64, 1], Kind::Double);
    let columns = given_row.le_tensor(&levels).sum_dim_intlist(1i64, false, Kind::Int64);
    let columns = Vec::<i64>::try_from(columns).map_err(torch("drawing from a plan"))?;
    Ok(columns.into_iter().map(|column| (column as usize).min(n - 1)).collect())
}

//! Rows with holes, filled by samples of what is missing given what is there.

use interflow_core::rng::Stream;
use interflow_core::{Given, Points, known};
use tch::{Device, Kind, Tensor};

use super::Flow;
use crate::engine::Computed;
use crate::error::{Result, refuse};

/// How often a row is drawn again whose holes came out as holes.
const MOST_DRAWS: u64 = 100;

impl Flow {
    /// Fills the holes (NaN) of the rows `[N, D]`, which have the columns of the flow's state, by samples of the
    /// missing values given the others and given that they are not missing. `given` are the rows' conditions in the
    /// data's units, if the flow has some. The result `[N, D]` of row i is a function of `seed` and the row's number
    /// `first + i`.
    ///
    /// If values were missing in the training rows too, this assumes that whether a value is missing depends only on
    /// the rest of its row. If all of 100 draws for a row have missing values, it keeps its holes, and a warning is
    /// logged.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] if the flow was not trained to fill holes (`fill = true` in a config's `[target]`),
    /// or for a value that its column cannot have; if the solver fails or the work is cancelled.
    pub fn fill(&self, rows: &Tensor, given: &Given, first: u64, seed: u64) -> Result<Computed> {
        let Some(columns) = self.columns().filter(|_| self.manifest().target.fill) else {
            return refuse("the flow was not trained to fill holes\nhint: fit with --fill yes");
        };
        let dim = self.space().dim;
        let rows = rows.to_device(Device::Cpu).to_kind(Kind::Double);
        if rows.dim() != 2 || rows.size()[1] != dim {
            return refuse(format!("expected rows of {dim} columns, found: {:?}", rows.size()));
        }
        columns.rows_space().check("rows with holes", &rows, given)?;
        let n = rows.size()[0];
        let there = rows.isnan().logical_not();
        columns.check_possible_with_holes(&rows)?;
        if let Given::Numbers(numbers) = given {
            columns.check_given(numbers)?;
        }
        let whole = match given {
            Given::Numbers(numbers) => {
                Tensor::cat(&[&numbers.to_device(Device::Cpu).to_kind(Kind::Double), &rows], 1)
            }
            _ => rows.shallow_clone(),
        };
        // A known value stands anywhere in its cell, as in training; each row's places are its own.
        let places = Stream::named(seed, "places of known values");
        let share = |row: i64| places.at(first + row.unsigned_abs()).uniform(&[1, dim], Kind::Double);
        let share = match n {
            0 => Tensor::zeros([0, dim], (Kind::Double, Device::Cpu)),
            n => Tensor::cat(&(0..n).map(share).collect::<Vec<_>>(), 0),
        };
        let entered = columns.standardise_by(&whole, &(share * 0.999 + 5e-4))?;
        let mask = there.to_kind(Kind::Double);
        let z = entered.points.x.nan_to_num(0.0, Some(0.0), Some(0.0)) * &mask;
        let own = Given::Numbers(match &entered.points.given {
            Given::Numbers(numbers) => numbers.shallow_clone(),
            _ => Tensor::zeros([n, 0], (Kind::Double, Device::Cpu)),
        });
        let told = known::with(&own, &mask, &z);
        let mut filled = rows.shallow_clone();
        let mut open = there.logical_not().any_dim(1, false);
        let (mut nfe, mut drawn) = (0, 0);
        let task = self.engine.work().begin("fill", n.unsigned_abs());
        let kind = self.manifest().precision.kind();
        while open.any().int64_value(&[]) != 0 {
            if drawn == MOST_DRAWS {
                tracing::warn!(
                    "{} rows keep holes: the flow takes these to be missing whatever else the rows hold, in {MOST_DRAWS} draws each",
                    open.to_kind(Kind::Int64).sum(Kind::Int64).int64_value(&[])
                );
                break;
            }
            let places = open.nonzero().view(-1);
            // Base points of other draws are those of other rows, beyond all.
            let base = self.engine.base().sample(first + drawn * (1 << 40), n, seed, kind)?;
            let start = Points { x: base.index_select(0, &places), given: told.select(&places) };
            let found = self.engine.carry(&start, 0.0, 1.0, &self.engine.work().quietly())?;
            nfe = nfe.max(found.nfe);
            let values = columns.restore(&found.rows)?;
            let holes = there.index_select(0, &places).logical_not();
            let values = values.where_self(&holes, &rows.index_select(0, &places));
            let settled = values.isnan().any_dim(1, false).logical_not().nonzero().view(-1);
            let of_rows = places.index_select(0, &settled);
            filled = filled.index_copy(0, &of_rows, &values.index_select(0, &settled));
            open = open.index_fill(0, &of_rows, 0);
            drawn += 1;
        }
        task.advance(n.unsigned_abs());
        Ok(Computed { rows: filled, nfe })
    }
}

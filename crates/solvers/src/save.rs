//! The states at chosen times, which no step is cut for: each row interpolates the step that covers the time.

use tch::{Kind, Tensor};

use crate::dense::Dense;
use crate::error::Result;

/// The times strictly inside an interval and the states there.
pub(crate) struct Saves {
    /// The times, `[S]` in f64.
    times: Tensor,
    /// 1 for a forward solve, −1 for a backward one.
    sign: f64,
    /// The states, `[S, B, W]`, NaN where a row has none yet.
    pub(crate) values: Tensor,
}

/// The part of a step that some rows keep; every tensor is `[n]`.
pub(crate) struct Kept<'a> {
    /// The rows' numbers in the whole batch.
    pub(crate) rows: &'a Tensor,
    /// Whether the row's step is accepted.
    pub(crate) accepted: &'a Tensor,
    /// Where the row's step ends, or where an event ended it.
    pub(crate) until: &'a Tensor,
}

impl Saves {
    /// Nothing yet for states like `y`, `[B, W]`.
    pub(crate) fn new(times: &[f64], sign: f64, y: &Tensor) -> Self {
        let shape = [times.len() as i64, y.size()[0], y.size()[1]];
        let values = Tensor::full(shape, f64::NAN, (y.kind(), y.device()));
        Self { times: Tensor::from_slice(times).to_device(y.device()), sign, values }
    }

    /// Keeps the states at the times after a step's start and not after its end.
    pub(crate) fn record(&mut self, step: &Dense<'_>, kept: &Kept<'_>) -> Result<()> {
        let start = step.start.t.unsqueeze(1);
        let after = ((&self.times - &start) * self.sign).gt(0.0);
        let before = ((&self.times - kept.until.unsqueeze(1)) * self.sign).le(0.0);
        let covered = after.logical_and(&before).logical_and(&kept.accepted.unsqueeze(1)).nonzero();
        if covered.size()[0] == 0 {
            return Ok(());
        }
        let (row, save) = (covered.select(1, 0), covered.select(1, 1));
        let past = self.times.index_select(0, &save) - step.start.t.index_select(0, &row);
        let theta = past / step.start.h.index_select(0, &row);
        let states = step.at(&row, &theta)?;
        let place = [Some(save), Some(kept.rows.index_select(0, &row).to_kind(Kind::Int64))];
        let _ = self.values.index_put_(&place, &states, false);
        Ok(())
    }
}

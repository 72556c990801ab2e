//! Events, functions of time and state at whose zeros a row stops, for example when it leaves a region.

use std::fmt;

use interflow_core::shape;
use tch::{Kind, Tensor};

use crate::dense::Dense;
use crate::error::Result;

/// How often the share of a step at which an event happens is halved: to 2⁻⁴⁸.
const HALVINGS: usize = 48;

/// A function of time and state. Where it changes sign along a trajectory, the row stops.
///
/// A trajectory that starts at a zero is stopped by the next zero; two changes of sign within one step are not seen.
/// Every closure of (t, y) is an event, which is the same for every row.
pub trait Event {
    /// The values of the function, `[n]`, at times `[n]` in f64 and states `[n, W]`. The first D columns of a state
    /// are the point.
    fn value(&self, t: &Tensor, y: &Tensor) -> Tensor;

    /// The event for a part of the batch that it was made for: the rows whose numbers are `rows`, `[n]` of kind
    /// `Int64`. `None` means that it is the same for every row.
    fn for_rows(&self, rows: &Tensor) -> Option<Box<dyn Event + '_>> {
        let _ = rows;
        None
    }
}

impl fmt::Debug for dyn Event + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").finish_non_exhaustive()
    }
}

impl<F: Fn(&Tensor, &Tensor) -> Tensor> Event for F {
    fn value(&self, t: &Tensor, y: &Tensor) -> Tensor {
        self(t, y)
    }
}

/// The events of a solve with the signs that they have where the rows stand.
pub(crate) struct Events<'a> {
    events: &'a [&'a dyn Event],
    /// The signs of each event, `[n]`.
    signs: Vec<Tensor>,
}

/// The rows that an event stops within a step.
pub(crate) struct Hit {
    /// Their numbers within the step, `[p]`.
    pub(crate) rows: Tensor,
    /// The shares of the step after which they stop, `[p]`.
    pub(crate) theta: Tensor,
    /// The numbers of their events, `[p]`.
    pub(crate) which: Tensor,
}

impl<'a> Events<'a> {
    /// The events at the start of rows with these numbers.
    pub(crate) fn new(events: &'a [&'a dyn Event], rows: &Tensor, t: &Tensor, y: &Tensor) -> Result<Self> {
        let signs = events.iter().map(|event| sign(*event, rows, t, y)).collect::<Result<_>>()?;
        Ok(Self { events, signs })
    }

    /// The first event of each row whose accepted step has one.
    pub(crate) fn locate(
        &mut self,
        step: &Dense<'_>,
        rows: &Tensor,
        accepted: &Tensor,
    ) -> Result<Option<Hit>> {
        let mut first: Option<(Tensor, Tensor)> = None;
        for (number, (event, before)) in self.events.iter().zip(&mut self.signs).enumerate() {
            let after = sign(*event, rows, step.end, &step.attempt.y)?;
            let started = before.abs().gt(0.0);
            let changed = started.logical_and(&after.ne_tensor(before)).logical_and(accepted);
            let index = changed.nonzero().squeeze_dim(1);
            if index.size()[0] > 0 {
                let theta = bisect(*event, step, rows, &index, &before.index_select(0, &index))?;
                let (best, which) = first
                    .get_or_insert_with(|| (before.full_like(2.0), before.zeros_like().to_kind(Kind::Int64)));
                let theta = best.full_like(2.0).index_copy(0, &index, &theta);
                *which = which.masked_fill(&theta.lt_tensor(best), number as i64);
                *best = theta.minimum(best);
            }
            *before = after.where_self(accepted, before);
        }
        Ok(first.map(|(best, which)| {
            let rows = best.le(1.0).nonzero().squeeze_dim(1);
            Hit { theta: best.index_select(0, &rows), which: which.index_select(0, &rows), rows }
        }))
    }

    /// Goes on with some rows of the step.
    pub(crate) fn keep(&mut self, left: &Tensor) {
        for sign in &mut self.signs {
            *sign = sign.index_select(0, left);
        }
    }
}

/// The sign of an event, `[n]` in f64.
fn sign(event: &dyn Event, rows: &Tensor, t: &Tensor, y: &Tensor) -> Result<Tensor> {
    let restricted = event.for_rows(rows);
    let value = restricted.as_deref().unwrap_or(event).value(t, y).detach();
    shape::check_times("the value of an event", &value, y.size()[0])?;
    Ok(value.to_kind(Kind::Double).sign())
}

/// The share of the step, just after its zero, at which the event has left the sign `before`; `index` are the rows of
/// the step, all `[p]`.
fn bisect(
    event: &dyn Event,
    step: &Dense<'_>,
    rows: &Tensor,
    index: &Tensor,
    before: &Tensor,
) -> Result<Tensor> {
    let pick = |x: &Tensor| x.index_select(0, index);
    let (rows, t, h) = (pick(rows), pick(step.start.t), pick(step.start.h));
    let (mut low, mut high) = (before.zeros_like(), before.ones_like());
    for _ in 0..HALVINGS {
        let middle = (&low + &high) * 0.5;
        let here = sign(event, &rows, &(&t + &h * &middle), &step.at(index, &middle)?)?;
        let earlier = here.eq_tensor(before);
        low = middle.where_self(&earlier, &low);
        high = high.where_self(&earlier, &middle);
    }
    Ok(high)
}

//! The adaptive driver: every sample has its own time, step and acceptance; samples that reach the end of an
//! interval leave the active batch.

use tch::{Kind, Tensor};

use crate::controller::Controller;
use crate::divergence::Equation;
use crate::stepper::{Attempt, Start};
use crate::tableau::Tableau;
use crate::{Error, Result, Statistics};

/// The step control and the most steps of one sample.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) controller: Controller,
    pub(crate) max_steps: u32,
}

/// A batch on its way; every tensor has one row per sample.
struct Batch {
    /// Rows in the whole batch.
    rows: Tensor,
    t: Tensor,
    y: Tensor,
    k1: Tensor,
    /// The length of the next step.
    h: Tensor,
    /// The last accepted error.
    last: Tensor,
    /// Steps tried.
    tried: Tensor,
    probes: Option<Tensor>,
}

impl Batch {
    /// The rows that a function picks from every tensor.
    fn map(&self, f: impl Fn(&Tensor) -> Tensor) -> Self {
        Self {
            rows: f(&self.rows),
            t: f(&self.t),
            y: f(&self.y),
            k1: f(&self.k1),
            h: f(&self.h),
            last: f(&self.last),
            tried: f(&self.tried),
            probes: self.probes.as_ref().map(f),
        }
    }

    /// Writes the rows picked by `index` back into the whole batch.
    fn scatter(&self, index: &Tensor, whole: &mut Self) {
        let rows = self.rows.index_select(0, index);
        let pairs = [
            (&mut whole.t, &self.t),
            (&mut whole.y, &self.y),
            (&mut whole.k1, &self.k1),
            (&mut whole.h, &self.h),
            (&mut whole.last, &self.last),
            (&mut whole.tried, &self.tried),
        ];
        for (into, from) in pairs {
            let _ = into.index_copy_(0, &rows, &from.index_select(0, index));
        }
    }
}

/// Integrates the states through `times` and returns them at each.
pub(crate) fn run(
    equation: &Equation<'_>,
    tableau: &'static Tableau,
    limits: Limits,
    (y, times): (&Tensor, &[f64]),
    statistics: &mut Statistics,
) -> Result<Vec<Tensor>> {
    let span = times[times.len() - 1] - times[0];
    let mut whole = begin(equation, limits.controller, y, times[0], span)?;
    let mut saved = vec![whole.y.copy()];
    for pair in times.windows(2) {
        if (pair[1] - pair[0]).abs() > 0.0 {
            let mut interval =
                Interval { equation, tableau, limits, end: pair[1], sign: span.signum(), statistics };
            interval.cross(&mut whole)?;
        }
        saved.push(whole.y.copy());
    }
    Ok(saved)
}

/// The batch at the start, with the first stage and the first step: two calls of the field.
fn begin(equation: &Equation<'_>, controller: Controller, y: &Tensor, from: f64, span: f64) -> Result<Batch> {
    let n = y.size()[0];
    let probes = equation.probes();
    let t = Tensor::full([n], from, (Kind::Double, y.device()));
    let k1 = equation.rate(&t, y, probes.as_ref());
    let h0 = controller.trial_step(y, &k1, span.abs());
    let signed = &h0 * span.signum();
    let y1 = y.addcmul(&k1, &signed.to_kind(y.kind()).unsqueeze(1));
    let t1 = &t + &signed;
    let k2 = equation.rate(&t1, &y1, probes.as_ref());
    for (t, k) in [(&t, &k1), (&t1, &k2)] {
        let bad = k.isfinite().all_dim(1, false).logical_not();
        if bad.any().int64_value(&[]) != 0 {
            let failed = t.masked_select(&bad);
            return Err(Error::NonFinite { time: failed.double_value(&[0]) });
        }
    }
    let h = controller.first_step(y, &k1, &k2, &h0).clamp_max(span.abs());
    let last = Controller::first_error(&h);
    let rows = Tensor::arange(n, (Kind::Int64, y.device()));
    let tried = h.zeros_like();
    Ok(Batch { rows, t, y: y.copy(), k1, h, last, tried, probes })
}

/// One interval between two save points.
struct Interval<'a> {
    equation: &'a Equation<'a>,
    tableau: &'static Tableau,
    limits: Limits,
    end: f64,
    sign: f64,
    statistics: &'a mut Statistics,
}

/// What the host has to know of a step.
struct Counts {
    bad: i64,
    accepted: i64,
    done: i64,
    stuck: i64,
    spent: i64,
}

impl Interval<'_> {
    /// Carries every sample to the interval's end.
    fn cross(&mut self, whole: &mut Batch) -> Result<()> {
        let mut active = whole.map(Tensor::copy);
        loop {
            let done = self.step(&mut active)?;
            let Some(done) = done else { continue };
            active.scatter(&done.nonzero().squeeze_dim(1), whole);
            let left = done.logical_not().nonzero().squeeze_dim(1);
            if left.size()[0] == 0 {
                return Ok(());
            }
            active = active.map(|x| x.index_select(0, &left));
        }
    }

    /// Tries one step of every active sample; the mask of those that reached the end, if there are any.
    fn step(&mut self, active: &mut Batch) -> Result<Option<Tensor>> {
        let left = (&active.t * -1.0 + self.end) * self.sign;
        let reaches = (&active.h * 1.01).ge_tensor(&left);
        let length = left.where_self(&reaches, &active.h);
        let h = &length * self.sign;
        let start =
            Start { t: &active.t, h: &h, y: &active.y, k1: &active.k1, probes: active.probes.as_ref() };
        let attempt = Attempt::new(self.equation, self.tableau, &start);
        let estimate = attempt.error.as_ref().unwrap_or(&attempt.y);
        let controller = self.limits.controller;
        let error = controller.norm(estimate, &active.y, &attempt.y);
        let bad = attempt.y.isfinite().all_dim(1, false).logical_and(&error.isfinite()).logical_not();
        let accepted = error.le(1.0);
        let next = controller.next_step(&length, &error, &active.last, &accepted);
        let done = accepted.logical_and(&reaches);
        // A step cut short by the interval's end says nothing against the longer one planned.
        let next = next.maximum(&active.h).where_self(&done, &next);
        let resolution = 16.0 * f64::EPSILON * self.end.abs().max(1.0);
        let stuck = next.lt(resolution).logical_and(&accepted.logical_not());
        let tried = &active.tried + 1.0;
        let spent = tried.ge(f64::from(self.limits.max_steps)).logical_and(&done.logical_not());
        let counts = counts([&bad, &accepted, &done, &stuck, &spent]);
        if counts.bad > 0 {
            return Err(Error::NonFinite { time: attempt.time_of_failure(self.tableau, &start) });
        }
        self.statistics.accepted_steps += counts.accepted as u64;
        self.statistics.rejected_steps += (accepted.size()[0] - counts.accepted) as u64;
        let column = accepted.unsqueeze(1);
        let k_last = &attempt.stages[attempt.stages.len() - 1];
        let t = (&active.t + &h).where_self(&accepted, &active.t);
        active.t = t.masked_fill(&done, self.end);
        active.y = attempt.y.where_self(&column, &active.y);
        active.k1 = k_last.where_self(&column, &active.k1);
        active.last = Controller::remember(&error).where_self(&accepted, &active.last);
        active.h = next;
        active.tried = tried;
        self.check(active, &counts, &stuck)?;
        Ok((counts.done > 0).then_some(done))
    }

    /// Fails where a sample has run out of resolution or of steps.
    fn check(&self, active: &Batch, counts: &Counts, stuck: &Tensor) -> Result<()> {
        if counts.stuck > 0 {
            return Err(Error::StepTooSmall {
                time: active.t.masked_select(stuck).double_value(&[0]),
                accepted: self.statistics.accepted_steps,
                rejected: self.statistics.rejected_steps,
            });
        }
        if counts.spent > 0 {
            return Err(Error::StepLimit {
                time: (&active.t * self.sign).min().double_value(&[]) * self.sign,
                max_steps: self.limits.max_steps,
                unfinished: active.t.size()[0] - counts.done,
            });
        }
        Ok(())
    }
}

/// Counts the set entries of masks in one transfer.
fn counts(masks: [&Tensor; 5]) -> Counts {
    let sums = Tensor::stack(&masks, 0).sum_dim_intlist(1i64, false, Kind::Int64);
    let at = |i| sums.int64_value(&[i]);
    Counts { bad: at(0), accepted: at(1), done: at(2), stuck: at(3), spent: at(4) }
}

//! What an integration keeps: where rows stopped and why, the states in between, and the cost.

use tch::{Kind, Tensor};

use super::active::Active;
use super::verdict::{Counts, Verdict, set_rows};
use crate::dense::Dense;
use crate::error::{Error, Result};
use crate::event::{Events, Hit};
use crate::options::{Failures, SolveOptions};
use crate::save::{Kept, Saves};
use crate::solution::{Statistics, StopReason, Trajectory};
use crate::step::{Cost, first_row};
use crate::tableau::Tableau;
use crate::term::Term;

/// An integration that is asked for.
pub(crate) struct Course<'a> {
    pub(crate) tableau: &'a Tableau,
    pub(crate) term: &'a dyn Term,
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) options: SolveOptions<'a>,
    /// The most steps of one row, for the error that says so.
    pub(crate) max_steps: u32,
}

impl Course<'_> {
    fn sign(&self) -> f64 {
        (self.to - self.from).signum()
    }
}

/// What is kept of a batch of B rows.
pub(crate) struct Ledger<'a> {
    course: &'a Course<'a>,
    /// The states where rows stopped, `[B, W]`.
    y: Tensor,
    /// The times at which they stopped, `[B]`.
    t: Tensor,
    stops: Vec<StopReason>,
    /// None where no time strictly inside the interval is to be saved.
    saves: Option<Saves>,
    events: Option<Events<'a>>,
    accepted: u64,
    rejected: u64,
}

/// Where rows stand after a step; tensors have one row for each of those before it.
pub(crate) struct Settled {
    pub(crate) t: Tensor,
    pub(crate) y: Tensor,
    /// The rates there, where they are known.
    pub(crate) k1: Option<Tensor>,
    /// How many rows took the step.
    pub(crate) accepted: i64,
    /// The rows that go on; `None`: all of them.
    pub(crate) left: Option<Tensor>,
}

impl<'a> Ledger<'a> {
    /// An empty ledger for rows at their start.
    pub(crate) fn new(course: &'a Course<'a>, active: &Active<'_>) -> Result<Self> {
        let inside = course.inner_times();
        let saves = (!inside.is_empty()).then(|| Saves::new(&inside, course.sign(), &active.y));
        let events = course.options.events;
        let events = (!events.is_empty()).then(|| Events::new(events, &active.rows, &active.t, &active.y));
        let events = events.transpose()?;
        let stops = vec![StopReason::ReachedEnd; active.n_rows() as usize];
        let (y, t) = (active.y.copy(), active.t.full_like(course.to));
        Ok(Self { course, y, t, stops, saves, events, accepted: 0, rejected: 0 })
    }

    /// Takes the rows out of the batch whose rates at the times `t` are not finite; those that are left, if any left.
    pub(crate) fn drop_broken(
        &mut self,
        active: &mut Active<'_>,
        broken: &Tensor,
        t: &Tensor,
    ) -> Result<Option<Tensor>> {
        let Some(row) = first_row(broken) else { return Ok(None) };
        if self.course.options.failures == Failures::Refuse {
            return Err(Error::NonFinite {
                row: active.rows.int64_value(&[row]),
                time: t.double_value(&[row]),
            });
        }
        self.fail(&active.rows, broken, t, StopReason::NonFinite)?;
        let left = broken.logical_not().nonzero().squeeze_dim(1);
        active.keep(&left);
        if let Some(events) = &mut self.events {
            events.keep(&left);
        }
        Ok(Some(left))
    }

    /// Writes down a step of the rows with these numbers.
    pub(crate) fn settle(&mut self, rows: &Tensor, step: &Dense<'_>, verdict: &Verdict) -> Result<Settled> {
        let counts = verdict.counts();
        self.refuse_broken(rows, step, &counts)?;
        self.accepted += counts.accepted as u64;
        self.rejected += (rows.size()[0] - counts.accepted) as u64;
        let accepted = &verdict.accepted;
        let column = accepted.unsqueeze(1);
        let mut y = step.attempt.y.where_self(&column, step.start.y);
        let mut t = step.end.where_self(accepted, step.start.t);
        let hit = match &mut self.events {
            Some(events) => events.locate(step, rows, accepted)?,
            None => None,
        };
        if let Some(Hit { rows, theta, .. }) = &hit {
            let pick = |x: &Tensor| x.index_select(0, rows);
            t = t.index_copy(0, rows, &(pick(step.start.t) + pick(step.start.h) * theta));
            y = y.index_copy(0, rows, &step.at(rows, theta)?);
        }
        if let Some(saves) = &mut self.saves {
            saves.record(step, &Kept { rows, accepted, until: &t })?;
        }
        let k1 = if counts.accepted == 0 {
            Some(step.attempt.stages[0].shallow_clone())
        } else {
            step.known_end_rate().map(|rate| rate.where_self(&column, &step.attempt.stages[0]))
        };
        let left = self.part((rows, &t, &y), verdict, &counts, hit.as_ref())?;
        if let (Some(left), Some(events)) = (&left, &mut self.events) {
            events.keep(left);
        }
        Ok(Settled { t, y, k1, accepted: counts.accepted, left })
    }

    /// The trajectories from the states `start`, `[B, W]`.
    pub(crate) fn finish(self, start: &Tensor, cost: Cost) -> Trajectory {
        let stopped = |stop: &StopReason| *stop != StopReason::ReachedEnd;
        let stop = self.stops.iter().copied().find(stopped).unwrap_or_default();
        let inner = self.course.inner_times();
        let saved = self.course.options.save_at.iter().map(|&time| {
            if (time - self.course.from).abs() <= 0.0 {
                start.copy()
            } else if (time - self.course.to).abs() <= 0.0 {
                let early: Vec<bool> = self.stops.iter().map(stopped).collect();
                let early = Tensor::from_slice(&early).to_device(start.device()).unsqueeze(1);
                self.y.masked_fill(&early, f64::NAN)
            } else {
                let place = inner.iter().position(|other| other.to_bits() == time.to_bits());
                let inside = self.saves.as_ref().zip(place);
                inside.map_or_else(|| start.copy(), |(saves, i)| saves.values.select(0, i as i64))
            }
        });
        let saved = saved.collect();
        let statistics = Statistics {
            nfe: cost.nfe,
            nfe_with_integrals: cost.with_integrals,
            accepted_steps: self.accepted,
            rejected_steps: self.rejected,
            stop,
        };
        Trajectory { y: self.y, t: self.t, saved, stops: self.stops, statistics }
    }

    fn refuse_broken(&self, rows: &Tensor, step: &Dense<'_>, counts: &Counts) -> Result<()> {
        if counts.broken == 0 || self.course.options.failures == Failures::Keep {
            return Ok(());
        }
        let (row, time) = step.attempt.failure(self.course.tableau, step.start);
        Err(Error::NonFinite { row: rows.int64_value(&[row]), time })
    }

    /// Lets the rows go that stop with this step; those that go on, if any stopped.
    fn part(
        &mut self,
        (rows, t, y): (&Tensor, &Tensor, &Tensor),
        verdict: &Verdict,
        counts: &Counts,
        hit: Option<&Hit>,
    ) -> Result<Option<Tensor>> {
        let failed = counts.broken + counts.stuck + counts.spent;
        if failed + counts.done == 0 && hit.is_none() {
            return Ok(None);
        }
        let n = rows.size()[0];
        let mut going = verdict.done.logical_not();
        let mut stopped = verdict.done.shallow_clone();
        let mut free = verdict.done.ones_like();
        let mut n_stopped = counts.done;
        if let Some(hit) = hit {
            free = free.index_fill(0, &hit.rows, 0);
            going = going.logical_and(&free);
            stopped = going.logical_not();
            n_stopped = stopped.sum(Kind::Int64).int64_value(&[]);
            self.note(&rows.index_select(0, &hit.rows), &hit.which)?;
        }
        let index = set_rows(&stopped, n_stopped);
        let (of_rows, pick) = (rows.index_select(0, &index), |x: &Tensor| x.index_select(0, &index));
        let _ = self.y.index_copy_(0, &of_rows, &pick(y));
        let _ = self.t.index_copy_(0, &of_rows, &pick(t));
        if failed == 0 {
            return Ok(Some(set_rows(&going, n - n_stopped)));
        }
        for (mask, reason) in [
            (&verdict.broken, StopReason::NonFinite),
            (&verdict.stuck, StopReason::StepTooSmall),
            (&verdict.spent, StopReason::StepLimit),
        ] {
            let mask = mask.logical_and(&free);
            self.refuse((rows, t), &mask, reason, counts)?;
            self.fail(rows, &mask, t, reason)?;
            free = free.logical_and(&mask.logical_not());
            going = going.logical_and(&mask.logical_not());
        }
        Ok(Some(going.nonzero().squeeze_dim(1)))
    }

    /// The error for rows that cannot go on, where such rows are refused.
    fn refuse(
        &self,
        (rows, t): (&Tensor, &Tensor),
        mask: &Tensor,
        reason: StopReason,
        counts: &Counts,
    ) -> Result<()> {
        let Some(row) = first_row(mask).filter(|_| self.course.options.failures == Failures::Refuse) else {
            return Ok(());
        };
        let sign = self.course.sign();
        let at = |row: i64| (rows.int64_value(&[row]), t.double_value(&[row]));
        if reason == StopReason::StepLimit {
            let (row, time) = at((t * sign).argmin(None::<i64>, false).int64_value(&[]));
            let (max_steps, unfinished) = (self.course.max_steps, rows.size()[0] - counts.done);
            return Err(Error::StepLimit { row, time, max_steps, unfinished });
        }
        let ((row, time), accepted, rejected) = (at(row), self.accepted, self.rejected);
        Err(Error::StepTooSmall { row, time, accepted, rejected })
    }

    /// Ends the masked rows as NaN.
    fn fail(&mut self, rows: &Tensor, mask: &Tensor, t: &Tensor, reason: StopReason) -> Result<()> {
        let index = mask.nonzero().squeeze_dim(1);
        let rows = rows.index_select(0, &index);
        let _ = self.y.index_fill_(0, &rows, f64::NAN);
        let _ = self.t.index_copy_(0, &rows, &t.index_select(0, &index));
        for row in host(&rows)? {
            self.stops[row as usize] = reason;
        }
        Ok(())
    }

    /// Notes the events that stopped rows.
    fn note(&mut self, rows: &Tensor, which: &Tensor) -> Result<()> {
        for (row, event) in host(rows)?.into_iter().zip(host(which)?) {
            self.stops[row as usize] = StopReason::Event { event: event as usize };
        }
        Ok(())
    }
}

impl Course<'_> {
    /// The times to save at that are neither the start nor the end.
    fn inner_times(&self) -> Vec<f64> {
        let apart = |a: f64, b: f64| (a - b).abs() > 0.0;
        let times = self.options.save_at.iter().copied();
        times.filter(|&time| apart(time, self.from) && apart(time, self.to)).collect()
    }
}

/// The numbers of rows on the host.
fn host(rows: &Tensor) -> Result<Vec<i64>> {
    Vec::try_from(rows.to_kind(Kind::Int64)).map_err(|source| {
        interflow_core::Error::Torch { operation: "reading the numbers of rows", source }.into()
    })
}

//! Steps of a fixed grid.

use tch::{Kind, Tensor};

use super::active::Active;
use super::ledger::Ledger;
use super::pace::Pace;
use super::verdict::{Plan, Verdict};
use crate::error::Result;
use crate::step::{Attempt, Start, Stepper, not_finite};

/// Equal steps from one time to another.
pub(crate) struct EqualSteps {
    /// The signed lengths and the ends of the steps.
    steps: Vec<(f64, f64)>,
    next: usize,
    reuses: bool,
}

impl EqualSteps {
    /// `n` steps.
    pub(crate) fn new(n: u32, (from, to): (f64, f64)) -> Self {
        let at = |i: u32| from + (to - from) * (f64::from(i) / f64::from(n));
        Self { steps: (0..n).map(|i| (at(i + 1) - at(i), at(i + 1))).collect(), next: 0, reuses: true }
    }

    /// `n` steps of exactly one length, each of which computes its first stage anew.
    pub(crate) fn independent(n: u32, (from, to): (f64, f64)) -> Self {
        let h = (to - from) / f64::from(n);
        let end = |i: u32| from + h * f64::from(i + 1);
        Self { steps: (0..n).map(|i| (h, end(i))).collect(), next: 0, reuses: false }
    }
}

impl Pace for EqualSteps {
    fn begin(&mut self, _: &Stepper<'_>, _: &mut Active<'_>, _: &mut Ledger<'_>) -> Result<()> {
        Ok(())
    }

    fn plan(&mut self, active: &Active<'_>) -> Plan {
        let (h, end) = self.steps.get(self.next).copied().unwrap_or_default();
        self.next += 1;
        let last = i64::from(self.next >= self.steps.len());
        let column = |value: f64| Tensor::full([active.n_rows()], value, (Kind::Double, active.y.device()));
        Plan { h: column(h), end: column(end), last: active.rows.full_like(last).to_kind(Kind::Bool) }
    }

    fn judge(&mut self, _: &Start<'_>, plan: &Plan, attempt: &Attempt) -> Verdict {
        let broken = not_finite(&attempt.y);
        let accepted = broken.logical_not();
        let done = accepted.logical_and(&plan.last);
        let (stuck, spent) = (broken.zeros_like(), broken.zeros_like());
        Verdict { accepted, done, broken, stuck, spent }
    }

    fn keep(&mut self, _: &Tensor) {}

    fn reuses_last_stage(&self) -> bool {
        self.reuses
    }
}

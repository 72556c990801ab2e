//! Steps by their errors.

use tch::Tensor;

use super::active::Active;
use super::ledger::Ledger;
use super::pace::Pace;
use super::verdict::{Plan, Verdict};
use crate::controller::{Controller, JudgedStep};
use crate::error::Result;
use crate::step::{Attempt, Start, Stepper, not_finite};

/// Steps that a controller chooses; every tensor is `[n]` in f64.
pub(crate) struct StepsByError<'a> {
    controller: &'a dyn Controller,
    max_steps: u32,
    end: f64,
    span: f64,
    /// The next steps' lengths.
    lengths: Tensor,
    /// The last accepted errors.
    last_error: Tensor,
    /// Steps tried.
    tried: Tensor,
}

impl<'a> StepsByError<'a> {
    /// Steps from one time to another, at most `max_steps` for each row.
    pub(crate) fn new(controller: &'a dyn Controller, max_steps: u32, (from, to): (f64, f64)) -> Self {
        let none = || Tensor::from_slice::<f64>(&[]);
        Self {
            controller,
            max_steps,
            end: to,
            span: to - from,
            lengths: none(),
            last_error: none(),
            tried: none(),
        }
    }

    fn sign(&self) -> f64 {
        self.span.signum()
    }
}

impl Pace for StepsByError<'_> {
    /// The first stage and the first step: two calls of the field.
    fn begin(
        &mut self,
        stepper: &Stepper<'_>,
        active: &mut Active<'_>,
        ledger: &mut Ledger<'_>,
    ) -> Result<()> {
        let limit = self.span.abs();
        let k1 = stepper.rate(active.term(), &active.t, &active.y)?;
        let broken = not_finite(&k1);
        let start = active.t.shallow_clone();
        active.k1 = Some(k1.shallow_clone());
        let left = ledger.drop_broken(active, &broken, &start)?;
        let mut k1 = left.map_or(k1.shallow_clone(), |left| k1.index_select(0, &left));
        if active.n_rows() == 0 {
            return Ok(());
        }
        let mut trial = self.controller.trial_step(&active.y, &k1, limit);
        let signed = &trial * self.sign();
        let y = active.y.addcmul(&k1, &signed.to_kind(active.y.kind()).unsqueeze(1));
        let t = &active.t + &signed;
        let mut k2 = stepper.rate(active.term(), &t, &y)?;
        if let Some(left) = ledger.drop_broken(active, &not_finite(&k2), &t)? {
            let pick = |x: &Tensor| x.index_select(0, &left);
            (k1, k2, trial) = (pick(&k1), pick(&k2), pick(&trial));
        }
        if active.n_rows() > 0 {
            self.lengths = self.controller.first_step(&active.y, &k1, &k2, &trial).clamp_max(limit);
            self.last_error = self.lengths.zeros_like();
            self.tried = self.lengths.zeros_like();
        }
        Ok(())
    }

    fn plan(&mut self, active: &Active<'_>) -> Plan {
        let left = (&active.t * -1.0 + self.end) * self.sign();
        let last = (&self.lengths * self.controller.stretch()).ge_tensor(&left);
        self.lengths = left.where_self(&last, &self.lengths);
        let h = &self.lengths * self.sign();
        let end = (&active.t + &h).masked_fill(&last, self.end);
        Plan { h, end, last }
    }

    fn judge(&mut self, start: &Start<'_>, plan: &Plan, attempt: &Attempt) -> Verdict {
        let estimate = attempt.error.as_ref().unwrap_or(&attempt.y);
        let error = self.controller.norm(estimate, start.y, &attempt.y);
        let broken = not_finite(&attempt.y).logical_or(&not_finite(estimate));
        let accepted = self.controller.accepts(&error).logical_and(&broken.logical_not());
        let done = accepted.logical_and(&plan.last);
        let next = self.controller.next_step(&JudgedStep {
            length: &self.lengths,
            error: &error,
            last_error: &self.last_error,
            accepted: &accepted,
        });
        // Rows that share their steps with a broken one try the same step again without it.
        let next = next.where_self(&next.isfinite(), &self.lengths);
        let resolution = 16.0 * f64::EPSILON * self.end.abs().max(1.0);
        let stuck = next.lt(resolution).logical_and(&accepted.logical_not());
        self.tried = &self.tried + 1.0;
        let spent = self.tried.ge(f64::from(self.max_steps)).logical_and(&done.logical_not());
        self.last_error = error.where_self(&accepted, &self.last_error);
        self.lengths = next;
        Verdict { accepted, done, broken, stuck, spent }
    }

    fn keep(&mut self, left: &Tensor) {
        for numbers in [&mut self.lengths, &mut self.last_error, &mut self.tried] {
            *numbers = numbers.index_select(0, left);
        }
    }
}

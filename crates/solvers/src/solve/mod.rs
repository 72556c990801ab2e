//! The driver of ordinary differential equations: one loop for equal steps, for steps by each row's own error and for
//! steps that a batch shares. A [`Pace`] says how long steps are and which are accepted; the [`Ledger`] keeps what is
//! asked for; rows that stop leave the batch.

mod active;
mod adaptive;
mod fixed;
mod ledger;
mod pace;
mod quadrature;
mod verdict;

use tch::Tensor;

use self::active::Active;
pub(crate) use self::adaptive::StepsByError;
pub(crate) use self::fixed::EqualSteps;
pub(crate) use self::ledger::Course;
use self::ledger::Ledger;
use self::pace::Pace;
pub(crate) use self::quadrature::ByQuadrature;
use crate::dense::Dense;
use crate::error::Result;
use crate::solution::Trajectory;
use crate::step::{Start, Stepper};

/// Told of every step; for a right-hand side that gathers something of its own along the way.
pub(crate) trait Watch {
    /// The integration is about to begin with its first step: of the calls so far only the first counts.
    fn begin(&self) {}

    /// A step was tried. If `accepted`, what its stages gathered counts. The next step starts with a stage of this one if
    /// `reused`: with the last one of an accepted step, with the first one of a rejected step.
    fn step(&self, start: &Start<'_>, accepted: bool, reused: bool) {
        let _ = (start, accepted, reused);
    }
}

/// A watch that looks away.
pub(crate) struct Unwatched;

impl Watch for Unwatched {}

/// Integrates the states `y`, `[B, W]`.
pub(crate) fn run(
    course: &Course<'_>,
    y: &Tensor,
    pace: &mut dyn Pace,
    watch: &dyn Watch,
) -> Result<Trajectory> {
    let stepper = Stepper::new(course.tableau, pace.integrals());
    let mut active = Active::new(course.term, y, course.from);
    let mut ledger = Ledger::new(course, &active)?;
    pace.begin(&stepper, &mut active, &mut ledger)?;
    watch.begin();
    while active.n_rows() > 0 {
        let plan = pace.plan(&active);
        let k1 = match active.k1.take() {
            Some(k1) => k1,
            None => stepper.rate(active.term(), &active.t, &active.y)?,
        };
        let start = Start { t: &active.t, h: &plan.h, y: &active.y };
        let attempt = stepper.step(active.term(), &start, k1)?;
        let mut dense = Dense::new(&stepper, active.term(), &start, attempt, &plan.end);
        pace.complete(&mut dense)?;
        let verdict = pace.judge(&start, &plan, &dense.attempt);
        let mut settled = ledger.settle(&active.rows, &dense, &verdict)?;
        if settled.accepted > 0 && !pace.reuses_last_stage() {
            settled.k1 = None;
        }
        watch.step(&start, settled.accepted > 0, settled.k1.is_some());
        (active.t, active.y, active.k1) = (settled.t, settled.y, settled.k1);
        if let Some(left) = settled.left {
            active.keep(&left);
            pace.keep(&left);
        }
    }
    Ok(ledger.finish(y, stepper.cost()))
}

//! Integration of a batch in which all samples share time and step.

use tch::{Kind, Tensor};

use crate::controller::Controller;
use crate::solve::Stepping;
use crate::stepper::combine;
use crate::tableau::Tableau;
use crate::{Error, Result, Solver, Statistics};

/// A right-hand side that may gather something along the way.
pub(super) trait Rate {
    /// `dy/dt`, of the state's shape.
    fn rate(&mut self, t: f64, y: &Tensor) -> Result<Tensor>;

    /// Told after each step, with the stages' weights: what the stages gathered counts if it was accepted. The
    /// next step starts with the last stage of an accepted step if `reused`, with the first of a rejected one.
    fn end_step(&mut self, _h: f64, _weights: &[f64], _accepted: bool, _reused: bool) {}
}

/// An accepted step.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) t: f64,
    pub(super) h: f64,
    pub(super) y: Tensor,
}

/// A finished integration.
#[derive(Debug)]
pub(super) struct Steps {
    /// The accepted steps in order.
    pub(super) taken: Vec<Step>,
    /// The state at the end.
    pub(super) end: Tensor,
    pub(super) statistics: Statistics,
}

/// A step's end, its last stage and its error estimate.
struct Attempt {
    y: Tensor,
    last: Tensor,
    error: Option<Tensor>,
}

/// The end of one step from `y`; differentiable where gradients are being recorded.
pub(super) fn solution(
    tableau: &Tableau,
    rate: &mut dyn Rate,
    (t, h): (f64, f64),
    y: &Tensor,
) -> Result<Tensor> {
    let needed = tableau.b.iter().rposition(|b| b.abs() > 0.0).map_or(0, |last| last + 1);
    let first = rate.rate(t, y)?;
    let stages = stages(tableau, rate, (t, h), y, first, needed)?;
    Ok(combine(y, &step_length(h, y), tableau.b, &stages))
}

/// Integrates from time `from` to time `to`, keeping the accepted steps' starts if `keep`.
pub(super) fn run(
    solver: &Solver,
    rate: &mut dyn Rate,
    y: &Tensor,
    (from, to): (f64, f64),
    keep: bool,
) -> Result<Steps> {
    match solver.stepping {
        Stepping::Fixed { steps } => fixed(solver.tableau, rate, y, (from, to), steps, keep),
        Stepping::Adaptive { controller, max_steps } => {
            adaptive(solver.tableau, rate, y, (from, to), (controller, max_steps), keep)
        }
    }
}

fn step_length(h: f64, y: &Tensor) -> Tensor {
    Tensor::full([1, 1], h, (y.kind(), y.device()))
}

fn stages(
    tableau: &Tableau,
    rate: &mut dyn Rate,
    (t, h): (f64, f64),
    y: &Tensor,
    first: Tensor,
    needed: usize,
) -> Result<Vec<Tensor>> {
    let length = step_length(h, y);
    let mut stages = vec![first];
    for (row, c) in tableau.a.iter().zip(tableau.c).take(needed).skip(1) {
        let at = combine(y, &length, row, &stages);
        stages.push(rate.rate(t + c * h, &at)?);
    }
    Ok(stages)
}

fn attempt(
    tableau: &Tableau,
    rate: &mut dyn Rate,
    (t, h): (f64, f64),
    y: &Tensor,
    first: &Tensor,
) -> Result<Attempt> {
    let length = step_length(h, y);
    let mut stages = stages(tableau, rate, (t, h), y, first.shallow_clone(), tableau.c.len())?;
    let next = combine(y, &length, tableau.b, &stages);
    let error =
        (!tableau.error.is_empty()).then(|| combine(&y.zeros_like(), &length, tableau.error, &stages));
    let last = stages.swap_remove(stages.len() - 1);
    if next.isfinite().all().int64_value(&[]) == 0 {
        return Err(Error::NonFinite { time: t });
    }
    Ok(Attempt { y: next, last, error })
}

fn fixed(
    tableau: &Tableau,
    rate: &mut dyn Rate,
    y: &Tensor,
    (from, to): (f64, f64),
    steps: u32,
    keep: bool,
) -> Result<Steps> {
    let mut run = Run { y: y.shallow_clone(), taken: Vec::new(), statistics: Statistics::default(), keep };
    let h = (to - from) / f64::from(steps);
    for index in 0..steps {
        let t = from + h * f64::from(index);
        let first = rate.rate(t, &run.y)?;
        let attempt = attempt(tableau, rate, (t, h), &run.y, &first)?;
        rate.end_step(h, tableau.b, true, false);
        run.statistics.nfe += tableau.c.len() as u64;
        run.accept((t, h), attempt.y);
    }
    Ok(run.finish())
}

fn adaptive(
    tableau: &Tableau,
    rate: &mut dyn Rate,
    y: &Tensor,
    (from, to): (f64, f64),
    (controller, max_steps): (Controller, u32),
    keep: bool,
) -> Result<Steps> {
    let sign = (to - from).signum();
    let mut run = Run { y: y.shallow_clone(), taken: Vec::new(), statistics: Statistics::default(), keep };
    let mut t = from;
    let mut first = rate.rate(t, y)?;
    let mut h = first_length(controller, rate, (from, to), y, &first)?;
    run.statistics.nfe += 2;
    let mut last_error = Controller::first_error(&h);
    for _ in 0..max_steps {
        let left = (to - t) * sign;
        let length = h.double_value(&[0]).min(left);
        let attempt = attempt(tableau, rate, (t, length * sign), &run.y, &first)?;
        run.statistics.nfe += tableau.c.len() as u64 - 1;
        let estimate = attempt.error.as_ref().unwrap_or(&attempt.y);
        let error = controller.norm(estimate, &run.y, &attempt.y).square().mean(Kind::Double).sqrt().view(1);
        let accepted = error.le(1.0);
        let length_used = h.full_like(length);
        h = controller.next_step(&length_used, &error, &last_error, &accepted);
        let taken = accepted.int64_value(&[0]) != 0;
        rate.end_step(length * sign, tableau.b, taken, true);
        if taken {
            last_error = Controller::remember(&error);
            first = attempt.last;
            run.accept((t, length * sign), attempt.y);
            t += length * sign;
            if left <= length * (1.0 + 1e-12) {
                return Ok(run.finish());
            }
        } else {
            run.statistics.rejected_steps += 1;
        }
        if h.double_value(&[0]) < 16.0 * f64::EPSILON {
            let Statistics { accepted_steps, rejected_steps, .. } = run.statistics;
            return Err(Error::StepTooSmall { time: t, accepted: accepted_steps, rejected: rejected_steps });
        }
    }
    Err(Error::StepLimit { time: t, max_steps, unfinished: y.size()[0] })
}

/// The length of the first step, `[1]`: the shortest that any sample would begin with.
fn first_length(
    controller: Controller,
    rate: &mut dyn Rate,
    (from, to): (f64, f64),
    y: &Tensor,
    first: &Tensor,
) -> Result<Tensor> {
    let span = to - from;
    let trial = controller.trial_step(y, first, span.abs()).min().view(1);
    let h = trial.double_value(&[0]) * span.signum();
    let second = rate.rate(from + h, &y.addcmul(first, &step_length(h, y)))?;
    // Only the first stage is used again, as after a rejected step.
    rate.end_step(h, &[], false, true);
    Ok(controller.first_step(y, first, &second, &trial).min().view(1).clamp_max(span.abs()))
}

/// An integration on its way.
struct Run {
    y: Tensor,
    taken: Vec<Step>,
    statistics: Statistics,
    keep: bool,
}

impl Run {
    fn accept(&mut self, (t, h): (f64, f64), next: Tensor) {
        let y = std::mem::replace(&mut self.y, next);
        if self.keep {
            self.taken.push(Step { t, h, y });
        }
        self.statistics.accepted_steps += 1;
    }

    fn finish(self) -> Steps {
        Steps { taken: self.taken, end: self.y, statistics: self.statistics }
    }
}

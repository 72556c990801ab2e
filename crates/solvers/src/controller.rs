//! Step sizes from error estimates: the norm of an error, the length of the next step, and that of the first.

use std::fmt::Debug;
use std::sync::Arc;

use tch::{Kind, Tensor};

/// How much longer than planned a step may become so as to end where the interval ends.
const STRETCH: f64 = 1.01;

/// An adaptive step of a batch of n rows, after it was accepted or rejected. Every tensor is `[n]`, in f64 unless
/// said otherwise.
#[derive(Debug)]
pub struct JudgedStep<'a> {
    /// The step's length, positive.
    pub length: &'a Tensor,
    /// The norm of its error.
    pub error: &'a Tensor,
    /// The norm of the error of the last accepted step; zero before the first one.
    pub last_error: &'a Tensor,
    /// Whether the step is accepted, of kind `Bool`.
    pub accepted: &'a Tensor,
}

/// A step size controller: it chooses the lengths of the steps of an adaptive solve from the errors of earlier ones.
///
/// # Shapes
/// States, rates and errors are `[n, W]`; lengths and norms are `[n]` in f64 on the states' device. A controller gives
/// each row a step of its own, or all rows the same one ([`Shared`]).
pub trait Controller: Debug + Send + Sync {
    /// The norm of a step's error, `[n]`, from the estimate of the error, the state `y` before the step and `y_next`
    /// after it.
    fn norm(&self, error: &Tensor, y: &Tensor, y_next: &Tensor) -> Tensor;

    /// Whether a step whose error has this norm is accepted, `[n]` of kind `Bool`; by default if the norm is at
    /// most 1.
    fn accepts(&self, norm: &Tensor) -> Tensor {
        norm.le(1.0)
    }

    /// The length of the next step, positive, `[n]`.
    fn next_step(&self, step: &JudgedStep<'_>) -> Tensor;

    /// The length of the trial step from which [`Controller::first_step`] learns, positive and at most `limit`,
    /// `[n]`. `k1` is the rate at the start.
    fn trial_step(&self, y: &Tensor, k1: &Tensor, limit: f64) -> Tensor;

    /// The length of the first step, positive, `[n]`, from the rate `k1` at the start and the rate `k2` after an
    /// Euler step of length `trial`.
    fn first_step(&self, y: &Tensor, k1: &Tensor, k2: &Tensor, trial: &Tensor) -> Tensor;

    /// By which factor, at least 1, a step may become longer than chosen if it then ends at the end of the interval.
    fn stretch(&self) -> f64 {
        STRETCH
    }
}

/// Safety factor, and the most a step shrinks or grows at once.
const SAFETY: f64 = 0.9;
const SHRINK: f64 = 0.2;
const GROW: f64 = 10.0;
/// The least error that the controller remembers.
const LEAST_ERROR: f64 = 1e-4;

/// The proportional-integral controller of Hairer, Nørsett and Wanner, *Solving Ordinary Differential Equations I*,
/// II.4, with steps for each row of its own. The norm is the root mean square over components of
/// `error / (atol + rtol max(|y|, |y'|))`.
#[derive(Debug, Clone, Copy)]
pub struct PiController {
    rtol: f64,
    atol: f64,
    order: u32,
}

impl PiController {
    /// The controller with these relative and absolute tolerances, both positive, for a method of this order.
    pub fn new(rtol: f64, atol: f64, order: u32) -> Self {
        Self { rtol, atol, order }
    }

    fn scale(&self, size: &Tensor) -> Tensor {
        size * self.rtol + self.atol
    }
}

impl Controller for PiController {
    fn norm(&self, error: &Tensor, y: &Tensor, y_next: &Tensor) -> Tensor {
        rms(&(error / self.scale(&y.abs().maximum(&y_next.abs()))))
    }

    fn next_step(&self, step: &JudgedStep<'_>) -> Tensor {
        let exponent = 1.0 / f64::from(self.order);
        let beta = 0.2 * exponent;
        let raw = step.error.clamp_min(1e-30).pow_tensor_scalar(beta * 0.75 - exponent) * SAFETY;
        let last = step.last_error.clamp_min(LEAST_ERROR);
        let steady = (&raw * last.pow_tensor_scalar(beta)).clamp(SHRINK, GROW);
        step.length * steady.where_self(step.accepted, &raw.clamp(SHRINK, 1.0))
    }

    fn trial_step(&self, y: &Tensor, k1: &Tensor, limit: f64) -> Tensor {
        let scale = self.scale(&y.abs());
        let (d0, d1) = (rms(&(y / &scale)), rms(&(k1 / &scale)));
        let tiny = d0.lt(1e-5).logical_or(&d1.lt(1e-5));
        d0.full_like(1e-6).where_self(&tiny, &(&d0 / &d1 * 0.01)).clamp_max(limit)
    }

    fn first_step(&self, y: &Tensor, k1: &Tensor, k2: &Tensor, trial: &Tensor) -> Tensor {
        let scale = self.scale(&y.abs());
        let d1 = rms(&(k1 / &scale));
        let d2 = rms(&((k2 - k1) / &scale)) / trial;
        let most = d1.maximum(&d2);
        let flat = (trial * 1e-3).clamp_min(1e-6);
        let h1 = (most.reciprocal() * 0.01).pow_tensor_scalar(1.0 / f64::from(self.order));
        flat.where_self(&most.le(1e-15), &h1).minimum(&(trial * 100.0))
    }
}

/// Root mean square over components, f64.
fn rms(x: &Tensor) -> Tensor {
    x.to_kind(Kind::Double).square().mean_dim(1i64, false, None).sqrt()
}

/// Wraps a controller so that all rows of a batch take the same steps: the norm is the root mean square of the rows' norms,
/// and the first step is the shortest that any row would take.
#[derive(Debug, Clone)]
pub struct Shared(pub Arc<dyn Controller>);

impl Controller for Shared {
    fn norm(&self, error: &Tensor, y: &Tensor, y_next: &Tensor) -> Tensor {
        let norms = self.0.norm(error, y, y_next);
        spread(&norms.square().mean(Kind::Double).sqrt().view(1), error)
    }

    fn accepts(&self, norm: &Tensor) -> Tensor {
        self.0.accepts(norm)
    }

    fn next_step(&self, step: &JudgedStep<'_>) -> Tensor {
        // On one row, so that the number does not depend on how many rows there are.
        let one = JudgedStep {
            length: &step.length.narrow(0, 0, 1),
            error: &step.error.narrow(0, 0, 1),
            last_error: &step.last_error.narrow(0, 0, 1),
            accepted: &step.accepted.narrow(0, 0, 1),
        };
        spread(&self.0.next_step(&one), step.length)
    }

    fn trial_step(&self, y: &Tensor, k1: &Tensor, limit: f64) -> Tensor {
        spread(&self.0.trial_step(y, k1, limit).min().view(1), y)
    }

    fn first_step(&self, y: &Tensor, k1: &Tensor, k2: &Tensor, trial: &Tensor) -> Tensor {
        spread(&self.0.first_step(y, k1, k2, &trial.narrow(0, 0, 1)).min().view(1), y)
    }

    fn stretch(&self) -> f64 {
        1.0 + 1e-12
    }
}

/// One number for each row of `like`.
fn spread(number: &Tensor, like: &Tensor) -> Tensor {
    number.expand([like.size()[0]], false).contiguous()
}

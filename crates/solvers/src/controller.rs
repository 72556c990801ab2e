//! Step sizes from error estimates, per sample: the norm, the PI controller and the first step of
//! Hairer, Nørsett and Wanner, *Solving Ordinary Differential Equations I*, II.4.

use tch::{Kind, Tensor};

/// Safety factor, and the most a step shrinks or grows at once.
const SAFETY: f64 = 0.9;
const SHRINK: f64 = 0.2;
const GROW: f64 = 10.0;
/// The least error the controller remembers.
const LEAST_ERROR: f64 = 1e-4;

/// Tolerances and exponents.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Controller {
    rtol: f64,
    atol: f64,
    order: i32,
}

impl Controller {
    pub(crate) fn new(rtol: f64, atol: f64, order: i32) -> Self {
        Self { rtol, atol, order }
    }

    /// The error a fresh trajectory starts with, `[n]`.
    pub(crate) fn first_error(like: &Tensor) -> Tensor {
        like.full_like(LEAST_ERROR)
    }

    /// RMS over components of `error / (atol + rtol max(|y|, |y'|))`, `[n]`, f64.
    pub(crate) fn norm(&self, error: &Tensor, y: &Tensor, y_next: &Tensor) -> Tensor {
        let scale = y.abs().maximum(&y_next.abs()) * self.rtol + self.atol;
        rms(&(error / scale))
    }

    /// The next step's length, `[n]`, from this one's, its error and the last accepted one's error.
    pub(crate) fn next_step(&self, h: &Tensor, error: &Tensor, last: &Tensor, accepted: &Tensor) -> Tensor {
        let exponent = 1.0 / f64::from(self.order);
        let beta = 0.2 * exponent;
        let raw = error.clamp_min(1e-30).pow_tensor_scalar(beta * 0.75 - exponent) * SAFETY;
        let steady = (&raw * last.pow_tensor_scalar(beta)).clamp(SHRINK, GROW);
        h * steady.where_self(accepted, &raw.clamp(SHRINK, 1.0))
    }

    /// What the controller remembers of an accepted step's error.
    pub(crate) fn remember(error: &Tensor) -> Tensor {
        error.clamp_min(LEAST_ERROR)
    }

    /// The length of the trial step of the first guess, at most `limit`, `[n]`.
    pub(crate) fn trial_step(&self, y: &Tensor, k1: &Tensor, limit: f64) -> Tensor {
        let scale = y.abs() * self.rtol + self.atol;
        let (d0, d1) = (rms(&(y / &scale)), rms(&(k1 / &scale)));
        let tiny = d0.lt(1e-5).logical_or(&d1.lt(1e-5));
        d0.full_like(1e-6).where_self(&tiny, &(&d0 / &d1 * 0.01)).clamp_max(limit)
    }

    /// The first step's length, `[n]`, from the field at the start and at the end of a trial step `h0`.
    pub(crate) fn first_step(&self, y: &Tensor, k1: &Tensor, k2: &Tensor, h0: &Tensor) -> Tensor {
        let scale = y.abs() * self.rtol + self.atol;
        let d1 = rms(&(k1 / &scale));
        let d2 = rms(&((k2 - k1) / &scale)) / h0;
        let most = d1.maximum(&d2);
        let flat = (h0 * 1e-3).clamp_min(1e-6);
        let h1 = (most.reciprocal() * 0.01).pow_tensor_scalar(1.0 / f64::from(self.order));
        flat.where_self(&most.le(1e-15), &h1).minimum(&(h0 * 100.0))
    }
}

/// Root mean square over components, f64.
fn rms(x: &Tensor) -> Tensor {
    x.to_kind(Kind::Double).square().mean_dim(1i64, false, None).sqrt()
}

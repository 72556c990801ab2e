//! The times at which fields follow from one another: the rules near the ends, in one place.
//!
//! With a Gaussian base, velocity and score are related by `β v − β̇ x = κ s` (for N(0, I); see
//! [`crate::conversion`]), with `κ = α W + β̇ γ² − β γ γ̇` and `W = α β̇ − α̇ β`. Where κ vanishes, the score does
//! not follow from the velocity; where β vanishes, the velocity does not follow from the score. The intervals below
//! end where a factor falls to one thousandth, so that an error of the given field grows by no more than about a
//! thousand.

use tch::{Kind, Tensor};

use super::Interpolant;
use super::gamma::GammaCoefficients;
use super::schedule::ScheduleCoefficients;

/// The least κ, β or γ that a conversion divides by.
const LEAST_DIVISOR: f64 = 1e-3;
/// A time at which κ, β and γ are all large; past the middle, where encoding–decoding has a zero.
const LATE: f64 = 0.7;
/// Halvings by which an interval's end is found, to the resolution of f64.
const N_HALVINGS: usize = 52;

/// All coefficients of an interpolant that conversions need; each tensor has the shape of the times.
#[derive(Debug)]
pub struct PathCoefficients {
    /// α, β and their derivatives.
    pub schedule: ScheduleCoefficients,
    /// `W = α β̇ − α̇ β`.
    pub wronskian: Tensor,
    /// γ and its derivative, if the path has a latent.
    pub latent: Option<GammaCoefficients>,
}

impl PathCoefficients {
    /// `κ_λ = λ α W + β̇ γ² − β γ γ̇`, the factor of the score along a direction in which the base has the
    /// variance `λ`, of a shape that broadcasts with the times'.
    pub fn score_weight(&self, variance: &Tensor) -> Tensor {
        let c = &self.schedule;
        let smooth = variance * (&c.alpha * &self.wronskian);
        match &self.latent {
            None => smooth,
            Some(g) => smooth + &c.beta_dot * g.gamma.square() - &c.beta * &g.gamma_gamma_dot,
        }
    }
}

impl Interpolant {
    /// All coefficients at times `t` of any shape.
    pub fn coefficients(&self, t: &Tensor) -> PathCoefficients {
        let schedule = self.schedule(t);
        let wronskian = &schedule.alpha * &schedule.beta_dot - &schedule.alpha_dot * &schedule.beta;
        let latent = self.gamma().map(|gamma| gamma.coefficients(t));
        PathCoefficients { schedule, wronskian, latent }
    }

    /// The closed interval of times at which the score follows from the velocity: up to 0.999 for the linear
    /// interpolant, and all of [`Interpolant::regular_on`] if a Brownian γ keeps `κ` positive.
    pub fn score_regular_on(&self) -> (f64, f64) {
        let (first, last) = self.regular_on();
        let weight = |t: f64| {
            let t = instant(t);
            self.coefficients(&t).score_weight(&t.ones_like()).double_value(&[])
        };
        (first, last_above(weight, LATE, last))
    }

    /// The closed interval of times at which the velocity, and the mean of x1, follow from the score: those at which
    /// β is not tiny.
    pub fn velocity_regular_on(&self) -> (f64, f64) {
        let (_, last) = self.regular_on();
        let beta = |t: f64| self.schedule(&instant(1.0 - t)).beta.double_value(&[]);
        (1.0 - last_above(beta, 1.0 - LATE, 1.0), last)
    }

    /// The closed interval of times at which γ is not tiny, so that the score follows from the denoiser; `None`
    /// without a latent.
    pub fn latent_regular_on(&self) -> Option<(f64, f64)> {
        let gamma = self.gamma()?;
        let value = |t: f64| gamma.coefficients(&instant(t)).gamma.double_value(&[]);
        Some((1.0 - last_above(|t| value(1.0 - t), LATE, 1.0), last_above(value, LATE, 1.0)))
    }
}

/// A single time as a tensor.
fn instant(t: f64) -> Tensor {
    Tensor::from(t).to_kind(Kind::Double)
}

/// The last argument between `inside` and `last` at which a falling `f` is not below the least divisor.
fn last_above(f: impl Fn(f64) -> f64, mut inside: f64, last: f64) -> f64 {
    if f(last) >= LEAST_DIVISOR {
        return last;
    }
    let mut outside = last;
    for _ in 0..N_HALVINGS {
        let middle = f64::midpoint(inside, outside);
        if f(middle) >= LEAST_DIVISOR {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    inside
}

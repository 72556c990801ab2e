//! Score, denoiser and posterior means from a velocity, and a velocity from a score, for paths whose base is
//! Gaussian.
//!
//! Let x0 ~ N(m, C) be independent of (x1, z). Then `E[x0|x] = m − α C s` and `E[z|x] = −γ s` with the score s, and
//! eliminating `E[x1|x]` from the conditional means of `x_t` and `ẋ_t` leaves
//!
//! ```text
//! β v − β̇ x + W m = (α W C + (β̇ γ² − β γ γ̇) I) s,    W = α β̇ − α̇ β.
//! ```
//!
//! For N(0, I) the bracket is a number, `κ(t)`. It vanishes at t = 1 unless γ keeps it positive, and the left
//! side with it: the product `κ s`, [`Conversion::weighted_score`], is regular on all of [0, 1], and a diffusion
//! of strength ε ∝ κ needs no rule at the end. The score alone is 0/0 there. [`Interpolant::score_regular_on`] gives the
//! last time at which it is reliable; for later times [`ScoreOfVelocity`] returns the score at that time, which is that
//! of a slightly smoothed target.
//!
//! Where β and β̇ are both 0, `x_t` is Gaussian and the velocity says nothing; κ is 1 there and the score is known.

mod base;
mod posterior;
mod role;

use std::sync::Arc;

use tch::Tensor;

pub use base::GaussianBase;
pub use posterior::PosteriorMeans;
pub use role::{DenoiserOfVelocity, ScoreOfDenoiser, ScoreOfVelocity, VelocityOfScore};

use crate::error::{Error, Result};
use crate::field::{Denoiser, Score, Velocity};
use crate::interpolant::{Interpolant, PathCoefficients};
use crate::shape::check_states;

/// The relations between velocity, score and denoiser of one path with a Gaussian base. Clones share the path.
#[derive(Debug, Clone)]
pub struct Conversion {
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    interpolant: Interpolant,
    base: GaussianBase,
    score_regular_on: (f64, f64),
    velocity_regular_on: (f64, f64),
}

impl Conversion {
    /// The relations along `interpolant`, for a base `base` that is independent of x1.
    ///
    /// # Errors
    /// [`Error::Interpolant`] if the path has a correction.
    pub fn new(interpolant: Interpolant, base: impl Into<GaussianBase>) -> Result<Self> {
        interpolant.check_uncorrected("the relation of score and velocity")?;
        let score_regular_on = interpolant.score_regular_on();
        let velocity_regular_on = interpolant.velocity_regular_on();
        let base = base.into();
        Ok(Self { parts: Arc::new(Parts { interpolant, base, score_regular_on, velocity_regular_on }) })
    }

    /// The path's interpolant.
    pub fn interpolant(&self) -> &Interpolant {
        &self.parts.interpolant
    }

    /// Whether the base is N(0, I).
    pub(crate) fn has_standard_base(&self) -> bool {
        self.parts.base.is_standard()
    }

    /// Checks that `x` is a batch of points of the base's space, `[B, D]`.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::Kind`] naming `operation`.
    pub fn check_points(&self, operation: &'static str, x: &Tensor) -> Result<()> {
        check_states(operation, x, self.parts.base.dim())
    }

    /// The result of [`Interpolant::score_regular_on`] for this path.
    pub fn score_regular_on(&self) -> (f64, f64) {
        self.parts.score_regular_on
    }

    /// The result of [`Interpolant::velocity_regular_on`] for this path.
    pub fn velocity_regular_on(&self) -> (f64, f64) {
        self.parts.velocity_regular_on
    }

    /// Refuses a time at which the score does not follow from the velocity.
    ///
    /// # Errors
    /// [`Error::Time`] outside [`Conversion::score_regular_on`].
    pub fn check_score_time(&self, t: f64) -> Result<()> {
        check_time("the score of a velocity", self.score_regular_on(), t)
    }

    /// Refuses a time at which the score does not follow from the denoiser.
    ///
    /// # Errors
    /// [`Error::Time`] outside [`Interpolant::latent_regular_on`], [`Error::Interpolant`] if the path has no latent.
    pub fn check_denoiser_time(&self, t: f64) -> Result<()> {
        let regular_on = self.interpolant().latent_regular_on().ok_or(Error::Interpolant {
            operation: "the score of a denoiser",
            requirement: "a path with a latent γ z",
        })?;
        check_time("the score of a denoiser", regular_on, t)
    }

    /// The score that follows from this velocity.
    pub fn score<F>(&self, velocity: Velocity<F>) -> Score<ScoreOfVelocity<F>> {
        Score(ScoreOfVelocity { conversion: self.clone(), velocity: velocity.0 })
    }

    /// The velocity that follows from this score.
    pub fn velocity<F>(&self, score: Score<F>) -> Velocity<VelocityOfScore<F>> {
        Velocity(VelocityOfScore { conversion: self.clone(), score: score.0 })
    }

    /// The denoiser `E[z | x_t = x]` that follows from this velocity.
    ///
    /// # Errors
    /// [`Error::Interpolant`] if the path has no latent.
    pub fn denoiser<F>(&self, velocity: Velocity<F>) -> Result<Denoiser<DenoiserOfVelocity<F>>> {
        if self.interpolant().has_latent() {
            return Ok(Denoiser(DenoiserOfVelocity(self.score(velocity).0)));
        }
        Err(Error::Interpolant { operation: "a denoiser", requirement: "a path with a latent γ z" })
    }

    /// The score `−η/γ` that follows from this denoiser, for any base.
    ///
    /// # Errors
    /// [`Error::Interpolant`] if the path has no latent.
    pub fn score_of_denoiser<F>(&self, denoiser: Denoiser<F>) -> Result<Score<ScoreOfDenoiser<F>>> {
        let regular_on = self.interpolant().latent_regular_on().ok_or(Error::Interpolant {
            operation: "the score of a denoiser",
            requirement: "a path with a latent γ z",
        })?;
        Ok(Score(ScoreOfDenoiser { conversion: self.clone(), denoiser: denoiser.0, regular_on }))
    }

    /// The weight `κ(t)` of the score for a base of unit covariance, in the shape of the times; it is positive inside
    /// (0, 1).
    pub fn score_weight(&self, t: &Tensor) -> Tensor {
        let c = self.interpolant().coefficients(t);
        let weight = c.score_weight(&t.ones_like());
        match silent(&c) {
            None => weight,
            Some(silent) => weight.masked_fill(&silent, 1.0),
        }
    }

    /// The weighted score `κ s`, `[B, D]`, from the velocity's values `v`, `[B, D]`, at times `t`, `[B]`, and points
    /// `x`, `[B, D]`.
    ///
    /// It is regular on [0, 1] for paths without a latent, and otherwise on [`Conversion::score_regular_on`].
    pub fn weighted_score(&self, t: &Tensor, x: &Tensor, v: &Tensor) -> Tensor {
        let t = t.unsqueeze(1);
        let c = self.interpolant().coefficients(&t);
        let base = &self.parts.base;
        let mut pull = &c.schedule.beta * v - &c.schedule.beta_dot * x;
        if let Some(mean) = base.mean(x) {
            pull += &c.wronskian * mean;
        }
        let Some(silent) = silent(&c) else {
            return base.apply(&pull, Tensor::reciprocal);
        };
        let weight = c.score_weight(&t.ones_like()).masked_fill(&silent, 0.0);
        let told = base.apply(&pull, |variance| weight / c.score_weight(variance).masked_fill(&silent, 1.0));
        told + self.gaussian_score(&c, &silent, x)
    }

    /// The score of `x_t` where it is Gaussian, 0 elsewhere.
    fn gaussian_score(&self, c: &PathCoefficients, silent: &Tensor, x: &Tensor) -> Tensor {
        let centred = match self.parts.base.mean(x) {
            None => x.shallow_clone(),
            Some(mean) => x - &c.schedule.alpha * mean,
        };
        let loud = silent.logical_not();
        let latent = c.latent.as_ref().map_or_else(|| c.wronskian.zeros_like(), |g| g.gamma.square());
        self.parts.base.apply(&centred, |variance| {
            let total = variance * c.schedule.alpha.square() + latent;
            (total.masked_fill(&loud, 1.0).reciprocal() * -1.0).masked_fill(&loud, 0.0)
        })
    }
}

/// Where the velocity says nothing of the score, for β = β̇ = 0; only a path with a latent has such times.
fn silent(c: &PathCoefficients) -> Option<Tensor> {
    c.latent.as_ref()?;
    Some(c.schedule.beta.eq(0.0).logical_and(&c.schedule.beta_dot.eq(0.0)))
}

/// Refuses a time outside the closed interval, or one that is no number.
fn check_time(operation: &'static str, (from, to): (f64, f64), found: f64) -> Result<()> {
    if (from..=to).contains(&found) {
        return Ok(());
    }
    Err(Error::Time { operation, from, to, found })
}

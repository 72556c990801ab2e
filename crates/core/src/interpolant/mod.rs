//! Stochastic interpolants `x_t = α(t) x0 + β(t) x1 + γ(t) z` and their path derivative (\[AV23\], \[ABV23\]).
//!
//! An interpolant is a [`Schedule`] (α, β and their derivatives) with an optional [`Latent`], whose coefficient
//! is γ, and an optional [`Correction`], any other term that vanishes at both ends. The rules for times at
//! which a derivative diverges, or a field does not tell another, live here, in [`Interpolant::regular_on`],
//! [`Interpolant::score_regular_on`] and their kin, and nowhere else.

mod config;
mod correction;
mod encoding_decoding;
mod end_points;
mod gamma;
mod linear;
mod schedule;
mod trigonometric;

use tch::Tensor;

pub use config::{InterpolantConfig, ScheduleKind};
pub use correction::Correction;
pub use encoding_decoding::EncodingDecoding;
pub use end_points::PathCoefficients;
pub use gamma::{Gamma, GammaCoefficients, GammaConfig, Latent};
pub use linear::Linear;
pub use schedule::{Schedule, ScheduleCoefficients};
pub use trigonometric::Trigonometric;

use crate::error::{Error, Result};
use crate::shape::{check_same, check_times};

/// A point on the path and its time derivative, both `[B, D]`.
#[derive(Debug)]
pub struct PathPoint {
    /// `x_t = α x0 + β x1 + γ z`.
    pub x: Tensor,
    /// `ẋ_t = α̇ x0 + β̇ x1 + γ̇ z`.
    pub path_derivative: Tensor,
}

impl PathPoint {
    fn plus(self, x: &Tensor, path_derivative: &Tensor) -> Self {
        Self { x: self.x + x, path_derivative: self.path_derivative + path_derivative }
    }
}

/// A stochastic interpolant: a schedule and, where the path has them, a latent's γ and a correction.
#[derive(Debug)]
pub struct Interpolant {
    schedule: Box<dyn Schedule>,
    latent: Option<Box<dyn Latent>>,
    correction: Option<Box<dyn Correction>>,
}

impl Interpolant {
    /// An interpolant from its parts.
    pub fn new(schedule: impl Schedule + 'static, gamma: Option<Gamma>) -> Self {
        let latent = gamma.map(|gamma| -> Box<dyn Latent> { Box::new(gamma) });
        Self { schedule: Box::new(schedule), latent, correction: None }
    }

    /// The paper's default, `cos(πt/2) x0 + sin(πt/2) x1`.
    pub fn trigonometric() -> Self {
        Self::new(Trigonometric, None)
    }

    /// The straight line `(1 − t) x0 + t x1`.
    pub fn linear() -> Self {
        Self::new(Linear, None)
    }

    /// The same path with the latent's coefficient `latent` in place of the one it may have.
    #[must_use]
    pub fn with_latent(self, latent: impl Latent + 'static) -> Self {
        Self { latent: Some(Box::new(latent)), ..self }
    }

    /// The same path plus a term that vanishes at both ends.
    ///
    /// Such a path still joins its ends, and its velocity is learned like any other's; but what rests on α, β and γ
    /// alone (scores, posterior means, rescaled velocities, mixtures' closed forms) refuses it.
    #[must_use]
    pub fn corrected(self, correction: impl Correction + 'static) -> Self {
        Self { correction: Some(Box::new(correction)), ..self }
    }

    /// Whether the path has a latent z.
    pub fn has_latent(&self) -> bool {
        self.latent.is_some()
    }

    /// γ and its derivatives' source, if the path has a latent.
    pub fn gamma(&self) -> Option<&dyn Latent> {
        self.latent.as_deref()
    }

    /// Refuses a path that is more than `α x0 + β x1 + γ z`.
    ///
    /// # Errors
    /// [`crate::Error::Interpolant`] naming `operation`.
    pub fn check_uncorrected(&self, operation: &'static str) -> Result<()> {
        if self.correction.is_none() {
            return Ok(());
        }
        Err(Error::Interpolant {
            operation, requirement: "a path α x0 + β x1 + γ z, without a correction"
        })
    }

    /// α, β and derivatives at times `t` of any shape.
    pub fn schedule(&self, t: &Tensor) -> ScheduleCoefficients {
        self.schedule.coefficients(t)
    }

    /// The times at which β(t)/α(t) = `beta`/`alpha` ([`Schedule::time_at`]).
    pub fn time_at(&self, alpha: &Tensor, beta: &Tensor) -> Tensor {
        self.schedule.time_at(alpha, beta)
    }

    /// The closed interval of times on which every coefficient and derivative is finite.
    ///
    /// [0, 1] but for a singular γ̇, whose ends are left out by [`Latent::regular_on`].
    pub fn regular_on(&self) -> (f64, f64) {
        self.latent.as_ref().map_or((0.0, 1.0), |latent| latent.regular_on())
    }

    /// The path's point and derivative at times `t`, `[B]`, between `x0` and `x1`, `[B, D]`, with the latent
    /// `z`, `[B, D]`, which an interpolant without γ ignores.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] if the shapes do not fit together, or `z` is absent although there is a γ.
    pub fn path(&self, t: &Tensor, x0: &Tensor, x1: &Tensor, z: Option<&Tensor>) -> Result<PathPoint> {
        check_same("interpolant path", x0, x1)?;
        check_times("interpolant path", t, x0.size()[0])?;
        let instants = t.unsqueeze(1);
        let c = self.schedule.coefficients(&instants);
        let x = &c.alpha * x0 + &c.beta * x1;
        let path_derivative = &c.alpha_dot * x0 + &c.beta_dot * x1;
        let mut point = PathPoint { x, path_derivative };
        if let Some(latent) = &self.latent {
            let z = Self::latent_points(x0, z)?;
            let g = latent.coefficients(&instants);
            point = point.plus(&(g.gamma * z), &(g.gamma_dot * z));
        }
        if let Some(correction) = &self.correction {
            let term = correction.term(t, x0, x1);
            point = point.plus(&term.x, &term.path_derivative);
        }
        Ok(point)
    }

    /// The latent's points, which must be there and fit.
    fn latent_points<'a>(x0: &Tensor, z: Option<&'a Tensor>) -> Result<&'a Tensor> {
        let z = z.ok_or_else(|| Error::Shape {
            operation: "interpolant path",
            expected: format!("a latent z of shape {:?}", x0.size()),
            found: vec![],
        })?;
        check_same("interpolant path", x0, z)?;
        Ok(z)
    }
}

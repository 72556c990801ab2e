//! Stochastic interpolants `x_t = α(t) x0 + β(t) x1 + γ(t) z` and their path derivative (\[AV23\], \[ABV23\]).
//!
//! An interpolant is a [`Schedule`] (α, β and their derivatives) with an optional [`Latent`], whose coefficient
//! is γ, and an optional [`Correction`], any other term that vanishes at both ends. The rules for times at
//! which a derivative diverges, or one field does not determine another, live here, in [`Interpolant::regular_on`],
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
use crate::shape::{check_floating, check_like, check_path_times, check_times};

/// The operation that errors of [`Interpolant::path`] name.
const PATH: &str = "interpolant path";

/// A point on the path and its time derivative, both of the shape of the end points, `[B, D]`.
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

/// A stochastic interpolant: a schedule and, if the path has them, the coefficient γ of a latent and a correction.
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

    /// The linear interpolant `(1 − t) x0 + t x1`.
    pub fn linear() -> Self {
        Self::new(Linear, None)
    }

    /// The same path with `latent` as the coefficient of its latent, which replaces any that it had.
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

    /// The coefficient γ of the latent, if the path has one.
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

    /// α, β and their derivatives at times `t` of any shape.
    pub fn schedule(&self, t: &Tensor) -> ScheduleCoefficients {
        self.schedule.coefficients(t)
    }

    /// The times at which β(t)/α(t) = `beta`/`alpha` ([`Schedule::time_at`]).
    pub fn time_at(&self, alpha: &Tensor, beta: &Tensor) -> Tensor {
        self.schedule.time_at(alpha, beta)
    }

    /// The closed interval of times on which every coefficient and its derivative are finite.
    ///
    /// It is [0, 1], except that a singular γ̇ excludes its ends ([`Latent::regular_on`]).
    pub fn regular_on(&self) -> (f64, f64) {
        self.latent.as_ref().map_or((0.0, 1.0), |latent| latent.regular_on())
    }

    /// The path's point and derivative at times `t`, `[B]`, between `x0` and `x1`, with the latent `z`, which an interpolant
    /// without γ ignores.
    ///
    /// # Shapes
    /// `x0`, `x1` and `z` are `[B, D]`, or `[B, …]` of any more axes, such as images `[B, C, H, W]`; the results are of the
    /// same shape. Each sample has its own time.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] if the shapes do not fit together, or `z` is absent although there is a γ,
    /// [`crate::Error::Kind`] if the points are not floating-point numbers of one kind on one device, [`crate::Error::Time`]
    /// for a time outside [0, 1].
    pub fn path(&self, t: &Tensor, x0: &Tensor, x1: &Tensor, z: Option<&Tensor>) -> Result<PathPoint> {
        let point = self.path_at_known_times(t, x0, x1, z)?;
        check_path_times(PATH, t, point.x.size()[0])?;
        Ok(point)
    }

    /// As [`Interpolant::path`], for times that are known to lie in [0, 1], such as those of a sampler. They are not
    /// checked, because that would make the host wait for a GPU.
    ///
    /// # Errors
    /// As [`Interpolant::path`], except for times outside [0, 1].
    pub fn path_at_known_times(
        &self,
        t: &Tensor,
        x0: &Tensor,
        x1: &Tensor,
        z: Option<&Tensor>,
    ) -> Result<PathPoint> {
        let shape = x0.size();
        if shape.len() < 2 {
            return Err(Error::Shape {
                operation: PATH,
                expected: "[B, D] or [B, …]".to_owned(),
                found: shape,
            });
        }
        check_floating(PATH, x0)?;
        check_like(PATH, x0, x1)?;
        check_times(PATH, t, shape[0])?;
        let z = self.latent.as_ref().map(|_| Self::latent_points(x0, z)).transpose()?;
        let rows = |x: &Tensor| x.flatten(1, -1);
        let t = t.to_kind(x0.kind()).to_device(x0.device());
        let point = self.path_of_rows(&t, &rows(x0), &rows(x1), z.map(rows).as_ref());
        let shaped = |x: Tensor| x.reshape(shape.as_slice());
        Ok(PathPoint { x: shaped(point.x), path_derivative: shaped(point.path_derivative) })
    }

    /// [`Interpolant::path`] between points `[B, D]` that were checked.
    fn path_of_rows(&self, t: &Tensor, x0: &Tensor, x1: &Tensor, z: Option<&Tensor>) -> PathPoint {
        let instants = t.unsqueeze(1);
        let c = self.schedule.coefficients(&instants);
        let x = &c.alpha * x0 + &c.beta * x1;
        let path_derivative = &c.alpha_dot * x0 + &c.beta_dot * x1;
        let mut point = PathPoint { x, path_derivative };
        if let Some((latent, z)) = self.latent.as_ref().zip(z) {
            let g = latent.coefficients(&instants);
            point = point.plus(&(g.gamma * z), &(g.gamma_dot * z));
        }
        if let Some(correction) = &self.correction {
            let term = correction.term(t, x0, x1);
            point = point.plus(&term.x, &term.path_derivative);
        }
        point
    }

    /// The latent's points, which must be there and fit.
    fn latent_points<'a>(x0: &Tensor, z: Option<&'a Tensor>) -> Result<&'a Tensor> {
        let z = z.ok_or_else(|| Error::Shape {
            operation: PATH,
            expected: format!("a latent z of shape {:?}", x0.size()),
            found: vec![],
        })?;
        check_like(PATH, x0, z)?;
        Ok(z)
    }
}

//! The latent's coefficient γ, which smooths the path's densities (\[ABV23\]).

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::error::{Error, Result};

/// γ, γ̇ and their product at the times of a batch, each of the times' shape.
#[derive(Debug)]
pub struct GammaCoefficients {
    /// γ(t).
    pub gamma: Tensor,
    /// γ̇(t); not finite outside [`Latent::regular_on`].
    pub gamma_dot: Tensor,
    /// γ(t) γ̇(t), in closed form and finite on all of [0, 1] even where γ̇ is not.
    pub gamma_gamma_dot: Tensor,
}

/// The coefficient γ of a latent, with γ(0) = γ(1) = 0.
pub trait Latent: std::fmt::Debug + Send + Sync {
    /// γ, γ̇ and γγ̇ at times `t` of any shape in [0, 1].
    fn coefficients(&self, t: &Tensor) -> GammaCoefficients;

    /// The closed interval of times on which γ̇ is finite.
    fn regular_on(&self) -> (f64, f64);
}

/// A latent coefficient in closed form.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Gamma {
    /// `γ = √(c t(1 − t))`, the Brownian bridge's; γ̇ diverges at both ends, γγ̇ = c(1 − 2t)/2 does not.
    Brownian {
        /// The strength c > 0.
        strength: f64,
    },
    /// `γ = sin²(πt)`.
    SineSquared,
    /// `γ = t(1 − t)`.
    Quadratic,
}

impl Gamma {
    /// How far a singular γ̇ keeps from the ends: γ̇ grows as 1/√t, so that |γ̇| stays below 50 √c.
    const SINGULAR_MARGIN: f64 = 1e-4;
}

impl Latent for Gamma {
    fn coefficients(&self, t: &Tensor) -> GammaCoefficients {
        match *self {
            Self::Brownian { strength } => {
                let gamma = ((t - t.square()) * strength).sqrt();
                let gamma_gamma_dot = (1.0 - t * 2.0) * (strength / 2.0);
                GammaCoefficients { gamma_dot: &gamma_gamma_dot / &gamma, gamma, gamma_gamma_dot }
            }
            Self::SineSquared => smooth((t * PI).sin().square(), (t * (2.0 * PI)).sin() * PI),
            Self::Quadratic => smooth(t - t.square(), 1.0 - t * 2.0),
        }
    }

    fn regular_on(&self) -> (f64, f64) {
        match self {
            Self::Brownian { .. } => (Self::SINGULAR_MARGIN, 1.0 - Self::SINGULAR_MARGIN),
            Self::SineSquared | Self::Quadratic => (0.0, 1.0),
        }
    }
}

fn smooth(gamma: Tensor, gamma_dot: Tensor) -> GammaCoefficients {
    GammaCoefficients { gamma_gamma_dot: &gamma * &gamma_dot, gamma, gamma_dot }
}

/// The coefficient γ as written in a config.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum GammaConfig {
    /// [`Gamma::Brownian`].
    Brownian {
        /// The strength c > 0.
        strength: f64,
    },
    /// [`Gamma::SineSquared`].
    SineSquared {},
    /// [`Gamma::Quadratic`].
    Quadratic {},
}

impl GammaConfig {
    /// The coefficient itself.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if the strength is not positive and finite.
    pub fn build(self) -> Result<Gamma> {
        match self {
            Self::Brownian { strength } if strength > 0.0 && strength.is_finite() => {
                Ok(Gamma::Brownian { strength })
            }
            Self::Brownian { strength } => Err(Error::OutOfRange {
                name: "gamma strength",
                requirement: "positive and finite",
                value: strength,
            }),
            Self::SineSquared {} => Ok(Gamma::SineSquared),
            Self::Quadratic {} => Ok(Gamma::Quadratic),
        }
    }
}

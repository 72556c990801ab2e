//! The strength ε(t) of the noise in `dX = (v ± ε s) dt + √(2ε) dW`; the marginals are the same for every ε ≥ 0.

use interflow_core::conversion::Conversion;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::error::{Error, Result};

/// How the strength ε(t) of the noise varies in time.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "kebab-case")]
pub enum DiffusionShape {
    /// `ε₀ κ(t)`, where κ is the weight of the score ([`Conversion::score_weight`]; `α W` without a latent), so that
    /// the product ε s is regular up to t = 1. Where κ falls to 0 at that end, √ε varies like a root, and no scheme
    /// has a strong order above 1 ([`crate::Scheme`]).
    #[default]
    Regular,
    /// `ε₀`. The noise ends where the score no longer follows from the velocity.
    Constant,
    /// `4 ε₀ t(1 − t)`, which vanishes at both ends. The noise ends as for the constant strength.
    Vanishing,
    /// `ε₀ α(t)`.
    Alpha,
    /// `ε₀ γ(t)`, for paths with a latent.
    Gamma,
}

/// The configuration of a strength ε(t) ≥ 0.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct DiffusionConfig {
    /// How the strength varies in time.
    #[serde(default)]
    pub shape: DiffusionShape,
    /// The factor ε₀ ≥ 0; with 0 there is no noise, and samples follow the probability-flow ODE.
    pub strength: f64,
}

impl DiffusionConfig {
    /// The strength for the path of `conversion`.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] for a negative or infinite factor, [`Error::NoLatent`] for a shape that needs γ.
    pub fn build(&self, conversion: &Conversion) -> Result<Diffusion> {
        if !(self.strength.is_finite() && self.strength >= 0.0) {
            return Err(Error::InvalidConfig {
                name: "epsilon",
                requirement: "finite and not negative",
                value: self.strength,
            });
        }
        if self.shape == DiffusionShape::Gamma && !conversion.interpolant().has_latent() {
            return Err(Error::NoLatent);
        }
        Ok(Diffusion { config: *self, conversion: conversion.clone() })
    }
}

/// The strength of the noise on one path.
#[derive(Debug, Clone)]
pub struct Diffusion {
    config: DiffusionConfig,
    conversion: Conversion,
}

impl Diffusion {
    /// The closed interval of times on which `ε s` is regular. Outside it, the flow is followed without noise.
    pub fn regular_on(&self) -> (f64, f64) {
        let tamed = matches!(self.config.shape, DiffusionShape::Regular | DiffusionShape::Alpha);
        if self.is_zero() || (tamed && !self.conversion.interpolant().has_latent()) {
            return self.conversion.interpolant().regular_on();
        }
        self.conversion.score_regular_on()
    }

    /// The closed interval of times on which `ε η/γ` is regular: that of a strength proportional to γ has no gaps.
    pub(crate) fn denoiser_regular_on(&self) -> (f64, f64) {
        let interpolant = self.conversion.interpolant();
        let (first, last) = interpolant.regular_on();
        match interpolant.latent_regular_on() {
            Some((from, to)) if !self.is_zero() && self.config.shape != DiffusionShape::Gamma => {
                (first.max(from), last.min(to))
            }
            _ => (first, last),
        }
    }

    /// The strength ε(t) at one time.
    pub fn epsilon(&self, t: f64) -> f64 {
        self.epsilon_at(&Tensor::from(t).to_kind(Kind::Double)).double_value(&[])
    }

    /// The strengths ε(t) at a tensor of times, in its shape.
    pub fn epsilon_at(&self, t: &Tensor) -> Tensor {
        let factor = match self.config.shape {
            DiffusionShape::Regular => self.conversion.score_weight(t),
            DiffusionShape::Constant => t.ones_like(),
            DiffusionShape::Vanishing => (t - t.square()) * 4.0,
            DiffusionShape::Alpha => self.conversion.interpolant().schedule(t).alpha,
            DiffusionShape::Gamma => self.gamma(t),
        };
        factor * self.config.strength
    }

    /// The path whose score the noise needs.
    pub(crate) fn conversion(&self) -> &Conversion {
        &self.conversion
    }

    /// Whether the path has a γ.
    pub(crate) fn has_latent(&self) -> bool {
        self.conversion.interpolant().has_latent()
    }

    /// Whether there is no noise at all.
    pub(crate) fn is_zero(&self) -> bool {
        self.config.strength <= 0.0
    }

    /// `ε(t)/κ(t)`, in closed form where both vanish at the end.
    pub(crate) fn over_weight(&self, t: &Tensor) -> Tensor {
        let interpolant = self.conversion.interpolant();
        match self.config.shape {
            DiffusionShape::Regular => t.full_like(self.config.strength),
            DiffusionShape::Alpha if !interpolant.has_latent() => {
                interpolant.coefficients(t).wronskian.reciprocal() * self.config.strength
            }
            _ => self.epsilon_at(t) / self.conversion.score_weight(t),
        }
    }

    /// `ε(t)/γ(t)`, in closed form where both vanish at the ends.
    pub(crate) fn over_gamma(&self, t: &Tensor) -> Tensor {
        match self.config.shape {
            DiffusionShape::Gamma => t.full_like(self.config.strength),
            _ => self.epsilon_at(t) / self.gamma(t),
        }
    }

    fn gamma(&self, t: &Tensor) -> Tensor {
        let gamma = self.conversion.interpolant().gamma();
        gamma.map_or_else(|| t.zeros_like(), |gamma| gamma.coefficients(t).gamma)
    }
}

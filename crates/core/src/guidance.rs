//! Sampling given an observation of the target point, by guiding the velocity.
//!
//! Let L(x1) be a likelihood of the target point, such as that of its known coordinates in inpainting. To sample ρ1 L
//! / Z, one follows the path of the laws `ρ_t h_t / Z` with `h_t(x) = E[L(x1) | x_t = x]`. Its score is
//! `s + ∇log h_t`, so by the relation of velocity and score ([`crate::conversion`]) its velocity is
//!
//! ```text
//! v + (α W / β) ∇log h_t,
//! ```
//!
//! which flow and stochastic equation take like any other. `h_t` is approximated by what it is for a target of
//! unit variance: x1 given `x_t` is taken for normal around `E[x1 | x_t]`, which the velocity tells, with the
//! variance α²/(α² + β²) (\[SVMK23\]). That is exact for a target N(n, I), and at t = 1 always.

use tch::{Kind, Tensor};

use crate::backward::Graph;
use crate::conversion::Conversion;
use crate::error::{Error, Result};
use crate::field::{self, VectorField, Velocity};

/// A likelihood of target points, through the logarithm of its mean over normal x1: a function of the means,
/// `[B, D]`, and of the variance of all coordinates, `[B, 1]`, with values `[B]`. It is differentiated with respect
/// to the means.
pub trait MeanLikelihood {
    /// `log E[L(x1)]` for x1 ~ N(`mean`, `variance` I).
    fn log_mean(&self, mean: &Tensor, variance: &Tensor) -> Tensor;

    /// Checks that it is a likelihood of points of `dim` coordinates; the default accepts all.
    ///
    /// # Errors
    /// A refusal by the implementation.
    fn check(&self, dim: i64) -> Result<()> {
        let _ = dim;
        Ok(())
    }
}

/// The observation of one coordinate with normal noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// The index of the coordinate, from 0.
    pub coordinate: i64,
    /// The observed value.
    pub value: f64,
    /// The standard deviation of the noise, positive.
    pub std: f64,
}

/// Observations of coordinates with normal noise. The likelihood is the product `L(x1) = Π N(value; x1, std²)` over
/// them.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed(pub Vec<Observation>);

impl MeanLikelihood for Observed {
    fn log_mean(&self, mean: &Tensor, variance: &Tensor) -> Tensor {
        let variance = variance.squeeze_dim(1);
        self.0.iter().fold(variance.zeros_like(), |sum, &Observation { coordinate, value, std }| {
            let total = &variance + std * std;
            sum - total.log() * 0.5 - (mean.select(1, coordinate) - value).square() / total * 0.5
        })
    }

    /// Refuses coordinates that there are not, values that are not finite and deviations that are not positive.
    fn check(&self, dim: i64) -> Result<()> {
        let check = |name, requirement, value, holds| {
            if holds { Ok(()) } else { Err(Error::OutOfRange { name, requirement, value }) }
        };
        self.0.iter().try_for_each(|&Observation { coordinate, value, std }| {
            let there = (0..dim).contains(&coordinate);
            check("an observation's coordinate", "one of the point's", coordinate as f64, there)?;
            check("an observation's value", "finite", value, value.is_finite())?;
            check("an observation's std", "positive and finite", std, std > 0.0 && std.is_finite())
        })
    }
}

/// The velocity of the path to ρ1 L / Z.
#[derive(Debug, Clone)]
pub struct Guided<F, L> {
    conversion: Conversion,
    velocity: F,
    likelihood: L,
}

impl Conversion {
    /// The velocity given an observation with the likelihood L, for the base N(0, I) and a path without latent.
    ///
    /// # Errors
    /// [`Error::Interpolant`] if the path has a latent, [`Error::Base`] for another base, and what
    /// [`MeanLikelihood::check`] refuses.
    pub fn guided<F: VectorField, L: MeanLikelihood + Clone>(
        &self,
        velocity: Velocity<F>,
        likelihood: L,
    ) -> Result<Velocity<Guided<F, L>>> {
        if self.interpolant().has_latent() {
            return Err(Error::Interpolant {
                operation: "guidance",
                requirement: "a path without a latent γ z",
            });
        }
        // Another covariance would have to stand before the gradient, and x1 given x_t has one that is no number.
        if !self.has_standard_base() {
            return Err(Error::Base { operation: "guidance", requirement: "N(0, I)" });
        }
        likelihood.check(velocity.dim())?;
        Ok(Velocity(Guided { conversion: self.clone(), velocity: velocity.0, likelihood }))
    }
}

impl<F: VectorField, L: MeanLikelihood + Clone> VectorField for Guided<F, L> {
    fn dim(&self) -> i64 {
        self.velocity.dim()
    }

    fn check_points(&self, operation: &'static str, x: &Tensor) -> Result<()> {
        self.velocity.check_points(operation, x)
    }

    /// Before β is no longer tiny the point says nothing of x1, and there is no guidance.
    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let (first, _) = self.conversion.velocity_regular_on();
        let column = t.unsqueeze(1);
        let c = self.conversion.interpolant().coefficients(&column);
        let (alpha, beta) = (&c.schedule.alpha, &c.schedule.beta);
        let variance = alpha.square() / (alpha.square() + beta.square());
        let differentiable = x.requires_grad();
        let (v, pull) = tch::with_grad(|| {
            let x = if differentiable { x.shallow_clone() } else { x.detach().set_requires_grad(true) };
            let v = self.velocity.value(t, &x);
            let mean = (alpha * &v - &c.schedule.alpha_dot * &x) / &c.wronskian;
            let total = self.likelihood.log_mean(&mean, &variance).sum(Kind::Double);
            let graph = if differentiable { Graph::Recorded } else { Graph::Freed };
            let pull = field::gradient(&total, &x, graph);
            (v, pull)
        });
        let early = column.lt(first);
        let factor = (alpha * &c.wronskian / beta.masked_fill(&early, 1.0)).masked_fill(&early, 0.0);
        let v = if differentiable { v } else { v.detach() };
        v + factor * pull
    }

    fn for_rows(&self, rows: &Tensor) -> Option<Box<dyn VectorField + '_>> {
        let velocity = self.velocity.for_rows(rows)?;
        let (conversion, likelihood) = (self.conversion.clone(), self.likelihood.clone());
        Some(Box::new(Guided { conversion, velocity, likelihood }))
    }
}

//! Family 1: Fourier coefficients in α, β and, where the path has a smooth latent, γ (\[AV23\], optimal transport).
//!
//! `α = α₀ + Σ_n (a_n/n) sin(nπt)` and likewise β and γ: every term vanishes at both ends, so any coefficients make an
//! interpolant, and zero coefficients make the base's own, bit for bit. The factor 1/n gives the terms' derivatives, and
//! so the coefficients' gradients, one size.

use std::f64::consts::PI;
use std::sync::Arc;

use interflow_core::interpolant::{GammaCoefficients, Interpolant, Latent, Schedule, ScheduleCoefficients};
use tch::{Kind, Tensor};

use crate::shared::Shared;

/// A sine series that vanishes at both ends.
#[derive(Debug)]
pub(crate) struct Series(Shared);

impl Series {
    /// The series with coefficients `[M]`, a handle on them.
    pub(crate) fn new(coefficients: &Tensor) -> Self {
        Self(Shared::new(coefficients))
    }

    /// The series and its derivative at times `t` of any shape, of that shape.
    fn at(&self, t: &Tensor) -> (Tensor, Tensor) {
        let a = self.0.get().to_device(t.device());
        let n = Tensor::arange(a.size()[0], (Kind::Double, t.device())) + 1.0;
        let t = t.unsqueeze(-1);
        // sin(nπt) = ∓sin(nπ(1 − t)), minus for even n: by the nearer end it is exactly 0 there.
        let late = t.gt(0.5);
        let odd = n.remainder(2.0) * 2.0 - 1.0;
        let sign = odd.to_kind(t.kind()).where_self(&late, &t.ones_like());
        let near = t.ones_like().subtract(&t).where_self(&late, &t);
        let (a, n) = (a.to_kind(t.kind()), n.to_kind(t.kind()));
        let value = ((near * (&n * PI)).sin() * sign * (&a / &n)).sum_dim_intlist(-1i64, false, t.kind());
        let slope = ((&t * (n * PI)).cos() * (a * PI)).sum_dim_intlist(-1i64, false, t.kind());
        (value, slope)
    }
}

/// A schedule (α, β) plus sine series.
#[derive(Debug)]
pub(crate) struct FourierSchedule {
    /// Whose α and β are added to.
    pub(crate) base: Arc<Interpolant>,
    /// What is added to α.
    pub(crate) alpha: Series,
    /// What is added to β.
    pub(crate) beta: Series,
}

impl Schedule for FourierSchedule {
    fn coefficients(&self, t: &Tensor) -> ScheduleCoefficients {
        let c = self.base.schedule(t);
        let ((a, a_dot), (b, b_dot)) = (self.alpha.at(t), self.beta.at(t));
        ScheduleCoefficients {
            alpha: c.alpha + a,
            alpha_dot: c.alpha_dot + a_dot,
            beta: c.beta + b,
            beta_dot: c.beta_dot + b_dot,
        }
    }
}

/// The base's latent, plus a sine series where it is smooth.
#[derive(Debug)]
pub(crate) struct FourierLatent {
    /// Whose γ is added to.
    pub(crate) base: Arc<Interpolant>,
    /// What is added to γ.
    pub(crate) gamma: Option<Series>,
}

impl Latent for FourierLatent {
    fn coefficients(&self, t: &Tensor) -> GammaCoefficients {
        let Some(own) = self.base.gamma().map(|latent| latent.coefficients(t)) else {
            let zero = t.zeros_like();
            return GammaCoefficients {
                gamma: zero.shallow_clone(),
                gamma_dot: zero.shallow_clone(),
                gamma_gamma_dot: zero,
            };
        };
        let Some(series) = &self.gamma else { return own };
        let (c, c_dot) = series.at(t);
        let (gamma, gamma_dot) = (own.gamma + c, own.gamma_dot + c_dot);
        GammaCoefficients { gamma_gamma_dot: &gamma * &gamma_dot, gamma, gamma_dot }
    }

    fn regular_on(&self) -> (f64, f64) {
        self.base.regular_on()
    }
}

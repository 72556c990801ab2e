//! Methods for `dX = f(t, X) dt + g(t) dW` with additive noise: stages
//! `k_i = f(t + c_i h, Y + h Σ a_ij k_j + g(t) (w_i W + l_i H))` and the step
//! `Y' = Y + h Σ b_i k_i + g(t) W + e (g(t + h) − g(t)) (W/2 − H)`, whose last term, with e = 1, corrects to order
//! 3/2 for a g that varies smoothly within the step.
//!
//! These orders hold for a g = √(2ε) that is smooth on the closed interval. A strength that falls to 0 at an end, as
//! the default one does at t = 1, makes g vary like a root there, with unbounded slope, and then every method has
//! strong order 1.

use serde::{Deserialize, Serialize};

use crate::method::Method;
use crate::tableau::Tableau;

/// A stochastic Runge–Kutta method.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// Euler–Maruyama: one call per step, strong and weak order 1.
    EulerMaruyama,
    /// Stochastic Heun: two calls per step, strong order 1, weak order 2.
    Heun,
    /// The shifted Runge–Kutta method of Foster, dos Reis and Strange (\[FRS24\]): two calls per step. Where √ε is
    /// smooth it has strong order 3/2 and weak order 2: everywhere for [`crate::DiffusionShape::Constant`], and for
    /// the other shapes away from the ends at which they vanish.
    ///
    /// Up to an end at which ε vanishes the strong order is 1. From 0 to 1 along the linear interpolant, an order of
    /// 1.5 was measured for the constant strength and 1.0 for the default one, the latter with half the error of
    /// Heun's method.
    #[default]
    Shark,
}

/// The coefficients of a stochastic method.
#[derive(Debug, Clone)]
pub(crate) struct SchemeTableau {
    /// a, b and c: the method without noise.
    pub(crate) drift: Tableau,
    /// The stages' weights of W.
    pub(crate) w: &'static [f64],
    /// The stages' weights of H.
    pub(crate) l: &'static [f64],
    /// How far the end follows the varying g.
    pub(crate) e: f64,
}

impl Scheme {
    pub(crate) fn tableau(self) -> SchemeTableau {
        match self {
            Self::EulerMaruyama => {
                SchemeTableau { drift: Method::Euler.tableau(), w: &[0.0], l: &[0.0], e: 0.0 }
            }
            Self::Heun => {
                SchemeTableau { drift: Method::Heun.tableau(), w: &[0.0, 1.0], l: &[0.0, 0.0], e: 1.0 }
            }
            Self::Shark => {
                let c = 5.0 / 6.0;
                let drift = Tableau::unchecked(2, &[0.0, c], &[&[], &[c]], &[0.4, 0.6]);
                SchemeTableau { drift, w: &[0.0, 5.0 / 6.0], l: &[1.0, 1.0], e: 1.0 }
            }
        }
    }
}

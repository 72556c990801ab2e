//! Couplings: the joint law of (x0, x1) from which the interpolant's end points are drawn.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::rng::Draw;

/// Pairs a batch of base points with a batch of target points.
///
/// Both marginals are kept: a coupling permutes or resamples rows, it never moves a point.
pub trait Coupling: Send + Sync {
    /// The paired end points `([B, D], [B, D])` from independent batches `x0` and `x1`, both `[B, D]`.
    fn pair(&self, x0: Tensor, x1: Tensor, draw: &mut Draw) -> (Tensor, Tensor);
}

/// The product coupling ρ0 ⊗ ρ1: independent batches are left as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Independent;

impl Coupling for Independent {
    fn pair(&self, x0: Tensor, x1: Tensor, _draw: &mut Draw) -> (Tensor, Tensor) {
        (x0, x1)
    }
}

/// Every target point with itself: for two ends of one law.
///
/// On a path with a latent and α + β = 1 this is the mirror interpolant `x_t = x1 + γ z` (\[ABV23\]).
#[derive(Debug, Clone, Copy, Default)]
pub struct Mirror;

impl Coupling for Mirror {
    fn pair(&self, _x0: Tensor, x1: Tensor, _draw: &mut Draw) -> (Tensor, Tensor) {
        (x1.shallow_clone(), x1)
    }
}

/// Which coupling, as written in a config.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum CouplingConfig {
    /// [`Independent`].
    Independent {},
    /// [`Mirror`]: both ends have to be of one law.
    Mirror {},
}

impl CouplingConfig {
    /// The working coupling.
    pub fn build(&self) -> Box<dyn Coupling> {
        match self {
            Self::Independent {} => Box::new(Independent),
            Self::Mirror {} => Box::new(Mirror),
        }
    }
}

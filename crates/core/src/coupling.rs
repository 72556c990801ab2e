//! Couplings: the joint law of (x0, x1) from which the interpolant's end points are drawn.

use tch::Tensor;

use crate::Result;
use crate::rng::Draw;

/// Pairs a batch of base points with a batch of target points.
///
/// Both marginals are kept: a coupling permutes or resamples rows, it never moves a point, and a row moves whole.
pub trait Coupling: Send + Sync {
    /// The paired end points `([B, D], [B, D])` from independent batches `x0` and `x1`, both `[B, D]`.
    ///
    /// # Errors
    /// If a pairing cannot be found, such as [`crate::Error::Coupling`].
    fn pair(&self, x0: Tensor, x1: Tensor, draw: &mut Draw) -> Result<(Tensor, Tensor)>;
}

/// The product coupling ρ0 ⊗ ρ1: independent batches are left as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Independent;

impl Coupling for Independent {
    fn pair(&self, x0: Tensor, x1: Tensor, _draw: &mut Draw) -> Result<(Tensor, Tensor)> {
        Ok((x0, x1))
    }
}

/// Every target point with itself: for two ends of one law.
///
/// On a path with a latent and α + β = 1 this is the mirror interpolant `x_t = x1 + γ z` (\[ABV23\]).
#[derive(Debug, Clone, Copy, Default)]
pub struct Mirror;

impl Coupling for Mirror {
    fn pair(&self, _x0: Tensor, x1: Tensor, _draw: &mut Draw) -> Result<(Tensor, Tensor)> {
        Ok((x1.shallow_clone(), x1))
    }
}

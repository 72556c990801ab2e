//! Couplings: the joint law of (x0, x1) from which the interpolant's end points are drawn.

use tch::Tensor;

use crate::error::Result;
use crate::points::Points;
use crate::rng::Draw;

/// Pairs a batch of base points with a batch of target points.
///
/// Both marginals are kept: a coupling permutes or resamples rows, it never moves a point. What target points are given
/// stays with them, and base points are exchanged between equal conditions only, so that the base knows nothing of them.
pub trait Coupling: Send + Sync {
    /// The paired end points from independent batches `x0`, `[B, D]`, and `x1`, of B states `[B, D]`.
    ///
    /// # Errors
    /// If a pairing cannot be found, such as [`crate::Error::Coupling`].
    fn pair(&self, x0: Tensor, x1: Points, draw: &mut Draw) -> Result<(Tensor, Points)>;

    /// Whether a pair depends on the points of its own row alone, so that rows may be paired without the others of their
    /// batch.
    fn is_row_by_row(&self) -> bool {
        false
    }
}

/// The product coupling ρ0 ⊗ ρ1: independent batches are left as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Independent;

impl Coupling for Independent {
    fn pair(&self, x0: Tensor, x1: Points, _draw: &mut Draw) -> Result<(Tensor, Points)> {
        Ok((x0, x1))
    }

    fn is_row_by_row(&self) -> bool {
        true
    }
}

/// Every target point with itself: for two ends of one law.
///
/// On a path with a latent and α + β = 1 this is the mirror interpolant `x_t = x1 + γ z` (\[ABV23\]).
#[derive(Debug, Clone, Copy, Default)]
pub struct Mirror;

impl Coupling for Mirror {
    fn pair(&self, _x0: Tensor, x1: Points, _draw: &mut Draw) -> Result<(Tensor, Points)> {
        Ok((x1.x.shallow_clone(), x1))
    }

    fn is_row_by_row(&self) -> bool {
        true
    }
}

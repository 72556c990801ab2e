//! Couplings, the joint laws of (x0, x1) from which an interpolant's end points are drawn.

use std::fmt;

use tch::Tensor;

use crate::error::Result;
use crate::points::Points;
use crate::rng::Draw;

/// A coupling, which pairs a batch of base points with a batch of target points.
///
/// Both marginals have to be kept: a coupling permutes or resamples rows, but never moves a point. The conditions of
/// target points stay with them, and base points are only exchanged between rows with equal conditions, so that the
/// base is independent of the conditions.
pub trait Coupling: Send + Sync {
    /// The paired end points of independent batches: base points `x0`, `[B, D]`, and target points `x1`, B states
    /// `[B, D]` with conditions.
    ///
    /// # Errors
    /// [`crate::Error::Coupling`] or another error if no pairing can be found.
    fn pair(&self, x0: Tensor, x1: Points, draw: &mut Draw) -> Result<(Tensor, Points)>;

    /// Whether a pair depends only on the points of its own row, so that rows may be paired without the rest of their
    /// batch.
    fn is_row_by_row(&self) -> bool {
        false
    }
}

impl fmt::Debug for dyn Coupling + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coupling").finish_non_exhaustive()
    }
}

/// The independent coupling ρ0 ⊗ ρ1, which leaves independent batches as they are.
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

/// The mirror coupling, which pairs every target point with itself; base and target have to be the same law.
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

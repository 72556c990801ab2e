//! Corrections, which are terms of a path beyond α x0 + β x1 + γ z.

use tch::Tensor;

use super::PathPoint;

/// A term `c(t, x0, x1)` of a path with c = 0 at t = 0 and t = 1, so that the path keeps its ends.
pub trait Correction: std::fmt::Debug + Send + Sync {
    /// The term and its derivative with respect to t at fixed end points, both `[B, D]`, at times `t`, `[B]`, between
    /// `x0` and `x1`, `[B, D]`. It can be differentiated where gradients are recorded.
    fn term(&self, t: &Tensor, x0: &Tensor, x1: &Tensor) -> PathPoint;
}

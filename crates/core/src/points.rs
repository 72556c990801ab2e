//! Points together with their conditions.

use tch::Tensor;

use crate::given::Given;

/// A batch of points: states, and their conditions.
#[derive(Debug)]
pub struct Points {
    /// The states, `[B, D]`.
    pub x: Tensor,
    /// The conditions, one row for each state.
    pub given: Given,
}

/// States that are given nothing.
impl From<Tensor> for Points {
    fn from(x: Tensor) -> Self {
        Self { x, given: Given::Nothing }
    }
}

impl Points {
    /// The number of points.
    pub fn len(&self) -> i64 {
        self.x.size().first().copied().unwrap_or(0)
    }

    /// Whether there are no points.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `n` points from number `first` on.
    #[must_use]
    pub fn narrow(&self, first: i64, n: i64) -> Self {
        Self { x: self.x.narrow(0, first, n), given: self.given.narrow(first, n) }
    }

    /// The points whose numbers are `rows`, `[n]` of kind `Int64`.
    #[must_use]
    pub fn select(&self, rows: &Tensor) -> Self {
        Self { x: self.x.index_select(0, &rows.to_device(self.x.device())), given: self.given.select(rows) }
    }

    /// The same points, sharing their memory.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        Self { x: self.x.shallow_clone(), given: self.given.shallow_clone() }
    }
}

//! The space of a flow's points: the dimension of the state, and the conditions.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::given::{Given, GivenSpace};

/// The dimension of a state, and the kind of its conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Space {
    /// The dimension D of the state.
    pub dim: i64,
    /// The conditions of each point.
    #[serde(default)]
    pub given: GivenSpace,
}

impl Space {
    /// Checks that points `x`, `[B, D]`, and their conditions lie in this space.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] or [`crate::Error::Given`] naming `operation`.
    pub fn check(&self, operation: &'static str, x: &tch::Tensor, given: &Given) -> Result<()> {
        crate::shape::check_points(operation, x, self.dim)?;
        given.check(operation, self.given, x.size()[0])
    }
}

/// States of this dimension that are given nothing.
impl From<i64> for Space {
    fn from(dim: i64) -> Self {
        Self { dim, given: GivenSpace::default() }
    }
}

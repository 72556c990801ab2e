//! What a flow's points are: the dimension of their state and the conditions beside it.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::given::{Given, GivenSpace};

/// The dimension of a state and what goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Space {
    /// The dimension D of the state.
    pub dim: i64,
    /// What each point is given.
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

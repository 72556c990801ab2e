//! What makes a network a flow map: besides the time at which a jump lands it gets the time at which it starts, and
//! it may have a second output, the average divergence.

mod head;
mod tangents;

use serde::{Deserialize, Serialize};

pub(crate) use self::head::DivergenceHead;
pub(crate) use self::tangents::{state_and_tangent, times_and_tangent};
use crate::error::{Result, check_positive};

/// The settings that make a network of one time a flow map ([`interflow_core::FlowMap`]).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowMapConfig {
    /// The width of the hidden layer for a second output, the average divergence, with which log-densities take a few
    /// calls only. Without it, there is no such output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divergence_width: Option<i64>,
}

impl FlowMapConfig {
    /// Checks the width.
    ///
    /// # Errors
    /// [`crate::Error::Size`] if it is not positive.
    pub fn check(&self) -> Result<()> {
        self.divergence_width.map_or(Ok(()), |width| check_positive("flow_map divergence_width", width))
    }

    /// How many numbers the weights of a second output are that reads `fan_in` numbers.
    pub(crate) fn n_scalars(&self, fan_in: i64) -> f64 {
        self.divergence_width.map_or(0.0, |width| width as f64 * (fan_in + 2) as f64 + 1.0)
    }
}

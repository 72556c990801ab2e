//! How a flow's divergence is computed along its trajectories, as written in a config.

use serde::{Deserialize, Serialize};

/// How the divergence of the velocity is computed along a trajectory.
///
/// ```
/// use interflow_flow::DivergenceConfig;
///
/// assert_eq!(DivergenceConfig::usual(43), DivergenceConfig::Exact {});
/// assert_eq!(DivergenceConfig::usual(3072), DivergenceConfig::Hutchinson { n_probes: 1 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum DivergenceConfig {
    /// Exactly, at the cost of one derivative for each dimension.
    Exact {},
    /// Hutchinson's estimate, averaged over trajectories with their own probes (\[HS81\]).
    Hutchinson {
        /// How many trajectories each point gets.
        n_probes: u32,
    },
}

/// The most dimensions in which divergences are exact unless a config says otherwise.
const EXACT_DIVERGENCE: i64 = 256;

impl DivergenceConfig {
    /// The usual choice in `dim` dimensions: exact up to 256, one probe above.
    pub fn usual(dim: i64) -> Self {
        if dim <= EXACT_DIVERGENCE { Self::Exact {} } else { Self::Hutchinson { n_probes: 1 } }
    }
}

//! How the divergence ∇·v of a flow's velocity is computed along its trajectories.

use serde::{Deserialize, Serialize};

/// How the divergence of the velocity is computed along a trajectory, as written in a config.
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
    /// Exactly, by one derivative for each of the D dimensions.
    Exact {},
    /// By Hutchinson's estimate with random probes (\[HS81\]), averaged over several trajectories.
    Hutchinson {
        /// How many trajectories are integrated for each point, each with its own probe.
        n_probes: u32,
    },
}

/// The most dimensions in which divergences are exact unless a config says otherwise.
const EXACT_DIVERGENCE: i64 = 256;

impl DivergenceConfig {
    /// The usual choice in `dim` dimensions: exactly up to 256, and by one probe above.
    pub fn usual(dim: i64) -> Self {
        if dim <= EXACT_DIVERGENCE { Self::Exact {} } else { Self::Hutchinson { n_probes: 1 } }
    }
}

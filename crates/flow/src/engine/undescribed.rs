//! What of a flow its manifest cannot describe.

use std::fmt;
use std::sync::Arc;

use interflow_core::interpolant::Interpolant;

use crate::error::{Result, refuse};

/// Makes an interpolant whenever one is needed.
#[derive(Clone)]
pub(crate) struct MakeInterpolant(pub(crate) Arc<dyn Fn() -> Interpolant + Send + Sync>);

impl fmt::Debug for MakeInterpolant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MakeInterpolant").field(&(self.0)()).finish()
    }
}

/// The parts of a flow that came from outside its config, so that its manifest says nothing of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Undescribed {
    /// Whether the network is one of them.
    pub(crate) network: bool,
    /// The interpolant, if it is one of them.
    pub(crate) interpolant: Option<MakeInterpolant>,
}

impl Undescribed {
    /// Refuses to write a checkpoint of a flow that its manifest does not describe.
    ///
    /// # Errors
    /// [`crate::Error::Refused`].
    pub(crate) fn check_saved(&self) -> Result<()> {
        let part = match (self.network, &self.interpolant) {
            (true, _) => "a network",
            (false, Some(_)) => "an interpolant",
            (false, None) => return Ok(()),
        };
        refuse(format!(
            "no checkpoint can describe {part} from outside the config\nhint: train without a folder to write to, and use \
             the flow in memory"
        ))
    }
}

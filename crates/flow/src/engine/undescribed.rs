//! What of a flow its manifest cannot describe.

use std::fmt;
use std::sync::Arc;

use interflow_core::interpolant::Interpolant;

use crate::error::{Result, refuse};

/// Makes an interpolant whenever one is needed.
#[derive(Clone)]
pub(crate) struct MakeInterpolant(Arc<dyn Fn() -> Interpolant + Send + Sync>);

impl MakeInterpolant {
    /// What `make` makes whenever it is called.
    pub(crate) fn new(make: impl Fn() -> Interpolant + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    /// The interpolant.
    pub(crate) fn interpolant(&self) -> Interpolant {
        (self.0)()
    }
}

/// It is a program's own code, which is not run to be shown.
impl fmt::Debug for MakeInterpolant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MakeInterpolant").finish_non_exhaustive()
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

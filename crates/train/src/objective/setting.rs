//! The setting in which an objective is to be used.

use interflow_core::Network;

use crate::config::TrainConfig;
use crate::error::{Error, Result};
use crate::problem::Problem;

/// The parts of a run on which an objective may depend, so that it can refuse them before the first step.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Setting<'a> {
    /// The settings of the run, such as parts of batches, jitter and the law of the times.
    pub config: &'a TrainConfig,
    /// The interpolant, and the data at its ends.
    pub problem: &'a Problem,
    /// The network whose weights are trained.
    pub network: &'a dyn Network,
    /// Whether something is trained beside the network, such as a learnable path.
    pub has_companion: bool,
    /// The number of processes that train together, each on its rows of every batch.
    pub processes: usize,
}

impl Setting<'_> {
    /// The error with which the objective of this name refuses a setting. `part` completes the sentence "the
    /// objective … does not go with …", and `hint` says what to do instead.
    ///
    /// # Errors
    /// [`Error::Objective`], always.
    pub fn refuse(&self, objective: &'static str, part: impl Into<String>, hint: &'static str) -> Result<()> {
        Err(Error::Objective { objective, part: part.into(), hint })
    }
}

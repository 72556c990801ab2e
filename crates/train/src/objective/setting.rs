//! What an objective is to be used with.

use interflow_core::Network;

use crate::config::TrainConfig;
use crate::error::{Error, Result};
use crate::problem::Problem;

/// The parts of a run that an objective may depend on, for it to accept or refuse before the first step.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Setting<'a> {
    /// The run's settings: batches in parts, jitter, the law of the times.
    pub config: &'a TrainConfig,
    /// The path and the data at its ends.
    pub problem: &'a Problem,
    /// The network whose weights are trained.
    pub network: &'a dyn Network,
    /// Whether something is trained beside the network, such as a learnable path.
    pub has_companion: bool,
    /// How many processes train together, each with its rows of every batch.
    pub processes: usize,
}

impl Setting<'_> {
    /// The error by which the objective of this name refuses a setting: `part` is the end of the sentence "the objective …
    /// does not go with …", and `hint` says what to do.
    ///
    /// # Errors
    /// [`Error::Objective`], always.
    pub fn refuse(&self, objective: &'static str, part: impl Into<String>, hint: &'static str) -> Result<()> {
        Err(Error::Objective { objective, part: part.into(), hint })
    }
}

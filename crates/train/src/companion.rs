//! Companions of a velocity's training: something else that is trained step by step with it, such as a learnable
//! path.

use std::fmt;

use interflow_core::Network;
use tch::{Device, Kind, Tensor};

use crate::batch::Batch;
use crate::batches::Batches;
use crate::error::Result;
use crate::problem::Problem;
use crate::self_check::SelfCheck;
use crate::time::TimeConfig;

/// The state of the run after a step, when it is the companion's turn.
#[derive(Debug)]
pub struct Turn<'a> {
    /// The velocity in training.
    pub network: &'a dyn Network,
    /// The velocity with averaged weights, or the one in training if there is no average.
    pub ema_network: &'a dyn Network,
    /// The path and the data that the velocity is trained on.
    pub problem: &'a Problem,
    /// The number of steps taken so far.
    pub step: u64,
    /// The run's seed.
    pub seed: u64,
    pub(crate) placement: (Kind, Device),
}

impl Turn<'_> {
    /// A fresh batch of `n` pairs on the path at uniform times, whatever those of the velocity's training are, as a function of
    /// seed and step. The velocity is not trained on it. It records gradients with respect to the path's parameters.
    ///
    /// # Errors
    /// If the interpolant or the coupling refuses the points.
    pub fn batch(&self, n: i64) -> Result<Batch> {
        let times = TimeConfig::Uniform {}.build(&self.problem.interpolant)?;
        Batches::companion(self.problem, self.seed).get(n, self.step, &times, self.placement)
    }
}

/// Something with a state of its own that is trained between the steps of the velocity.
///
/// Its state is part of the run's state: every checkpoint saves it, and a resumed run continues with the same bits.
pub trait Companion: Send {
    /// Called after every step of the velocity.
    ///
    /// # Errors
    /// A failure, which ends the run.
    fn after_step(&mut self, turn: &Turn<'_>) -> Result<()>;

    /// Called after every held-out check. It returns numbers to watch, by name.
    ///
    /// # Errors
    /// A failure, which ends the run.
    fn after_check(&mut self, turn: &Turn<'_>, check: &SelfCheck) -> Result<Vec<(&'static str, f64)>>;

    /// All of its state by name, as floating-point tensors.
    fn state(&self) -> Vec<(String, Tensor)>;

    /// Replaces its state by a saved one.
    ///
    /// # Errors
    /// If it is not a state of this companion.
    fn restore(&mut self, state: &[(String, Tensor)]) -> Result<()>;
}

impl fmt::Debug for dyn Companion + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Companion").finish_non_exhaustive()
    }
}

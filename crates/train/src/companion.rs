//! What is trained beside a velocity, step by step with it: a learnable path, for one.

use interflow_core::Network;
use tch::{Device, Kind, Tensor};

use crate::batch::Batch;
use crate::batches::Batches;
use crate::error::Result;
use crate::problem::Problem;
use crate::self_check::SelfCheck;
use crate::time::TimeSampler;

/// The run after a step, when it is a companion's turn.
pub struct Turn<'a> {
    /// The velocity in training.
    pub network: &'a dyn Network,
    /// The velocity with averaged weights, or the one in training if there is no average.
    pub ema_network: &'a dyn Network,
    /// What is trained on.
    pub problem: &'a Problem,
    /// The steps taken so far.
    pub step: u64,
    /// The run's seed.
    pub seed: u64,
    pub(crate) times: &'a TimeSampler,
    pub(crate) placement: (Kind, Device),
}

impl Turn<'_> {
    /// A fresh batch of `n` pairs on the path, not one that the velocity is trained on, a function of seed and step.
    /// It records gradients in the path's parameters.
    ///
    /// # Errors
    /// If the interpolant or the coupling refuses the points.
    pub fn batch(&self, n: i64) -> Result<Batch> {
        Batches::companion(self.problem, self.seed).get(n, self.step, self.times, self.placement)
    }
}

/// Something with a state of its own that is trained between the velocity's steps.
///
/// Its state belongs to the run's: it is saved in every checkpoint, and a resumed run goes on with the same bits.
pub trait Companion: Send {
    /// Called after every step of the velocity.
    ///
    /// # Errors
    /// A failure ends the run.
    fn after_step(&mut self, turn: &Turn<'_>) -> Result<()>;

    /// Called after every held-out check; returns numbers to watch, by name.
    ///
    /// # Errors
    /// A failure ends the run.
    fn after_check(&mut self, turn: &Turn<'_>, check: &SelfCheck) -> Result<Vec<(&'static str, f64)>>;

    /// All of its state by name, as floating-point tensors.
    fn state(&self) -> Vec<(String, Tensor)>;

    /// Takes over a state.
    ///
    /// # Errors
    /// If it is not one of this companion.
    fn restore(&mut self, state: &[(String, Tensor)]) -> Result<()>;
}

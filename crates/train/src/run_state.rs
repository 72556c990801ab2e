//! All that a run needs to go on with the same bits.

use interflow_core::Network;
use tch::Tensor;

use crate::optimizer::OptimizerState;

/// A run's state after a step, as handles on its tensors: what a checkpoint holds and an observer sees.
#[non_exhaustive]
pub struct RunState<'a> {
    /// How many steps were taken.
    pub step: u64,
    /// The run's seed.
    pub seed: u64,
    /// The network in training.
    pub network: &'a dyn Network,
    /// The network with averaged weights, if there is an average.
    pub ema: Option<&'a dyn Network>,
    /// The optimiser's running moments.
    pub optimizer: OptimizerState,
    /// The state of what is trained beside the network, by name; empty if there is nothing.
    pub companion: Vec<(String, Tensor)>,
    /// The best held-out objective so far.
    pub best_objective: Option<f64>,
    /// The held-out checks since then.
    pub n_worse: u32,
    /// The parts of a step's batch, where they were chosen by a device's memory ([`crate::Accumulate::Auto`]).
    pub parts: Option<i64>,
}

impl<'a> RunState<'a> {
    /// The state of a network alone, which goes on as if it had just been given to an optimiser: for a network that was
    /// trained elsewhere.
    pub fn of(network: &'a dyn Network, step: u64, seed: u64) -> Self {
        let optimizer = OptimizerState { exp_avg: Vec::new(), exp_avg_sq: Vec::new() };
        Self {
            step,
            seed,
            network,
            ema: None,
            optimizer,
            companion: Vec::new(),
            best_objective: None,
            n_worse: 0,
            parts: None,
        }
    }

    /// The network with averaged weights, or the one in training if there is no average.
    pub fn ema_network(&self) -> &'a dyn Network {
        self.ema.unwrap_or(self.network)
    }
}

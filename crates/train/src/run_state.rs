//! The state of a run from which it can continue with the same bits.

use interflow_core::Network;
use tch::Tensor;

use crate::optimizer::OptimizerState;

/// The state of a run after a step, sharing the memory of its tensors. A checkpoint holds it, and observers get it.
#[derive(Debug)]
#[non_exhaustive]
pub struct RunState<'a> {
    /// The number of steps taken.
    pub step: u64,
    /// The run's seed.
    pub seed: u64,
    /// The network in training.
    pub network: &'a dyn Network,
    /// The network with averaged weights, if there is an average.
    pub ema: Option<&'a dyn Network>,
    /// The optimiser's running moments.
    pub optimizer: OptimizerState,
    /// The state of the run's companion, by name; empty if there is none.
    pub companion: Vec<(String, Tensor)>,
    /// The best held-out objective so far.
    pub best_objective: Option<f64>,
    /// The number of held-out checks since then.
    pub n_worse: u32,
    /// The number of parts of a step's batch, if it was chosen from the device's memory
    /// ([`crate::Accumulate::Auto`]).
    pub parts: Option<i64>,
}

impl<'a> RunState<'a> {
    /// The state of a network alone, without moments of an optimiser. It is for a network that was trained elsewhere.
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

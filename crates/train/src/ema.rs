//! The exponential moving average (EMA) of the weights, with which samples are drawn.

use interflow_core::Network;
use interflow_libtorch::foreach_lerp_;
use tch::Tensor;

use crate::error::Result;

/// An exponential moving average of a network's weights, in a network of its own.
#[derive(Debug)]
pub struct Ema {
    network: Box<dyn Network>,
    weights: Vec<Tensor>,
    decay: f64,
}

impl Ema {
    /// An average that starts at the network's present weights.
    ///
    /// # Errors
    /// If the network cannot be duplicated.
    pub fn new(network: &dyn Network, decay: f64) -> Result<Self> {
        let network = network.duplicate()?;
        let weights = network.parameters().tensors();
        Ok(Self { network, weights, decay })
    }

    /// The network with the averaged weights.
    pub fn network(&self) -> &dyn Network {
        &*self.network
    }

    pub(crate) fn network_mut(&mut self) -> &mut dyn Network {
        &mut *self.network
    }

    /// Moves the average towards `weights` after `step` updates (counted from 1). The decay is
    /// `min(decay, (1 + step)/(10 + step))`, so that the initial weights are soon forgotten.
    ///
    /// # Errors
    /// If the weights are not those of the network.
    pub fn update(&mut self, weights: &[Tensor], step: u64) -> Result<()> {
        let n = step as f64;
        let decay = self.decay.min((1.0 + n) / (10.0 + n));
        Ok(foreach_lerp_(&self.weights, weights, 1.0 - decay)?)
    }
}

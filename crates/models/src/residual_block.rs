//! The block of a residual perceptron.

use interflow_core::Parameters;
use tch::Tensor;

use crate::layer::{Layer, duplicate};

/// Two layers that correct the stream.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) first: Layer,
    pub(crate) time: Tensor,
    pub(crate) second: Layer,
}

impl Block {
    /// The names of the first layer, the time's weights and the second layer of block number `index`.
    pub(crate) fn names(index: i64) -> [String; 3] {
        ["first", "time", "second"].map(|part| format!("block.{index}.{part}"))
    }

    /// The same numbers in tensors of their own, added to other `parameters`.
    pub(crate) fn duplicate(&self, parameters: &mut Parameters, index: i64) -> Self {
        let [first, time, second] = Self::names(index);
        Self {
            first: self.first.duplicate(parameters, &first),
            time: duplicate(parameters, &time, &self.time),
            second: self.second.duplicate(parameters, &second),
        }
    }
}

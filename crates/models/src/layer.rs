//! A linear layer inside a network.

use interflow_core::Parameters;
use tch::{Device, Kind, Tensor};

/// A linear layer's weights, `[out, in]` and `[out]`, as handles on the network's parameters.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) weight: Tensor,
    pub(crate) bias: Tensor,
}

impl Layer {
    /// Adds the weights to `parameters` as `name.weight` and `name.bias`, the bias zero.
    pub(crate) fn add(
        parameters: &mut Parameters,
        name: &str,
        weight: &Tensor,
        options: (Kind, Device),
    ) -> Self {
        let bias = Tensor::zeros([weight.size()[0]], options);
        Self {
            weight: parameters.add(format!("{name}.weight"), &weight.to_device(options.1)),
            bias: parameters.add(format!("{name}.bias"), &bias),
        }
    }

    /// The same numbers in tensors of their own, added to other `parameters`.
    pub(crate) fn duplicate(&self, parameters: &mut Parameters, name: &str) -> Self {
        Self {
            weight: duplicate(parameters, &format!("{name}.weight"), &self.weight),
            bias: duplicate(parameters, &format!("{name}.bias"), &self.bias),
        }
    }

    pub(crate) fn apply(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight, Some(&self.bias))
    }
}

/// Adds a copy of `weight` to `parameters`.
pub(crate) fn duplicate(parameters: &mut Parameters, name: &str, weight: &Tensor) -> Tensor {
    parameters.add(name, &weight.detach().copy())
}

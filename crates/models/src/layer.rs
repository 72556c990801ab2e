//! A linear layer inside a network.

use interflow_core::Parameters;
use interflow_libtorch as libtorch;
use tch::{Device, Kind, Tensor};

use crate::activation::Activation;

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

    /// `x Wᵀ + b`.
    pub(crate) fn apply(&self, x: &Tensor) -> Tensor {
        affine(x, &self.weight, &self.bias)
    }

    /// `σ(x Wᵀ + b)`, in one operation where there is one.
    pub(crate) fn activate(&self, x: &Tensor, activation: Activation) -> Tensor {
        match activation {
            Activation::Silu => taken(libtorch::linear_silu(x, &self.weight, Some(&self.bias))),
            other => other.value(&self.apply(x)),
        }
    }
}

/// `x Wᵀ` for `x` of shape `[…, I]`.
pub(crate) fn product(x: &Tensor, weight: &Tensor) -> Tensor {
    taken(libtorch::linear(x, weight, None))
}

/// `x Wᵀ + b` for `x` of shape `[…, I]`.
pub(crate) fn affine(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Tensor {
    taken(libtorch::linear(x, weight, Some(bias)))
}

/// What libtorch computed. A refusal panics, as every other tensor operation of a network does: values of a network are
/// no results that could fail.
pub(crate) fn taken(result: libtorch::Result<Tensor>) -> Tensor {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

/// Adds a copy of `weight` to `parameters`.
pub(crate) fn duplicate(parameters: &mut Parameters, name: &str, weight: &Tensor) -> Tensor {
    parameters.add(name, &weight.detach().copy())
}

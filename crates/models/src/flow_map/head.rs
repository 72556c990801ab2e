//! The second output of a flow map: the average divergence.

use interflow_core::Parameters;
use interflow_core::rng::Draw;
use tch::{Device, Kind, Tensor};

use super::FlowMapConfig;
use crate::activation::Activation;
use crate::layer::{Layer, product};

/// A hidden layer and a linear output that read a perceptron's hidden numbers and say the average divergence.
#[derive(Debug)]
pub(crate) struct DivergenceHead {
    hidden: Layer,
    output: Layer,
    activation: Activation,
}

const HIDDEN: &str = "divergence.hidden";
const OUTPUT: &str = "divergence.output";

impl DivergenceHead {
    /// The head that `config` wants behind `fan_in` numbers, where it wants one; its output starts at zero.
    pub(crate) fn init(
        config: Option<FlowMapConfig>,
        (fan_in, activation): (i64, Activation),
        parameters: &mut Parameters,
        draw: &mut Draw,
        options: (Kind, Device),
    ) -> Option<Self> {
        let width = config?.divergence_width?;
        let weight = draw.normal(&[width, fan_in], options.0) * (2.0 / fan_in as f64).sqrt();
        let hidden = Layer::add(parameters, HIDDEN, &weight, options);
        let output = Layer::add(parameters, OUTPUT, &Tensor::zeros([1, width], options), options);
        Some(Self { hidden, output, activation })
    }

    /// The same numbers in tensors of their own, added to other `parameters`.
    pub(crate) fn duplicate(&self, parameters: &mut Parameters) -> Self {
        Self {
            hidden: self.hidden.duplicate(parameters, HIDDEN),
            output: self.output.duplicate(parameters, OUTPUT),
            activation: self.activation,
        }
    }

    /// The average divergence `[B]` of hidden numbers `h`, `[B, H]`.
    pub(crate) fn value(&self, h: &Tensor) -> Tensor {
        self.output.apply(&self.hidden.activate(h, self.activation)).squeeze_dim(1)
    }

    /// The same and its derivative where h has the derivative `tangent`, both `[B]`.
    pub(crate) fn value_and_tangent(&self, h: &Tensor, tangent: &Tensor) -> (Tensor, Tensor) {
        let inner = self.hidden.apply(h);
        let (h, tangent) = self.activation.value_and_tangent(&inner, &product(tangent, &self.hidden.weight));
        let tangent = product(&tangent, &self.output.weight);
        (self.output.apply(&h).squeeze_dim(1), tangent.squeeze_dim(1))
    }
}

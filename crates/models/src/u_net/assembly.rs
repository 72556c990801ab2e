//! Where a network's weights come from while it is put together: fresh draws, a copy, or nothing but shapes.

use interflow_core::Parameters;
use interflow_core::rng::Draw;
use tch::{Kind, Tensor};

/// How a weight starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Start {
    /// Normal with the given deviation.
    Normal(f64),
    /// Zero.
    Zero,
    /// One.
    One,
}

impl Start {
    /// Normal with a third of the variance that keeps that of `fan_in` summands: what uniform weights up to
    /// `1/√fan_in` have. Group norms restore the scale, and smaller weights move faster at the same step size.
    pub(super) fn fan_in(fan_in: i64) -> Self {
        Self::Normal(1.0 / (3.0 * fan_in as f64).sqrt())
    }

    /// A weight of the given shape.
    pub(super) fn weights(self, shape: &[i64], draw: &mut Draw, kind: Kind) -> Tensor {
        let options = (kind, tch::Device::Cpu);
        match self {
            Self::Normal(deviation) => draw.normal(shape, kind) * deviation,
            Self::Zero => Tensor::zeros(shape, options),
            Self::One => Tensor::ones(shape, options),
        }
    }
}

/// Yields the weight of a name and shape.
pub(super) type Weights<'a> = &'a mut dyn FnMut(&str, &[i64], Start) -> Tensor;

/// The weights gathered so far and the place the next ones come from.
pub(super) struct Assembly<'a> {
    parameters: Parameters,
    weights: Weights<'a>,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(weights: Weights<'a>) -> Self {
        Self { parameters: Parameters::new(), weights }
    }

    /// Adds a weight and returns a handle on it.
    pub(super) fn add(&mut self, name: &str, shape: &[i64], start: Start) -> Tensor {
        let weight = (self.weights)(name, shape, start);
        self.parameters.add(name, &weight)
    }

    /// All weights in the order in which they were added.
    pub(super) fn finish(self) -> Parameters {
        self.parameters
    }
}

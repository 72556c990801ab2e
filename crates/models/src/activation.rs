//! Activation functions and their derivatives.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};

use serde::{Deserialize, Serialize};
use tch::Tensor;

/// An activation function, applied to each element.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `x σ(x)`.
    #[default]
    Silu,
    /// `x Φ(x)`, Φ the normal distribution function.
    Gelu,
    /// `x` above 0, `eˣ − 1` below.
    Elu,
    /// `tanh x`.
    Tanh,
    /// `log(1 + eˣ)`.
    Softplus,
}

impl Activation {
    /// All activation functions.
    pub const ALL: [Self; 6] = [Self::Relu, Self::Silu, Self::Gelu, Self::Elu, Self::Tanh, Self::Softplus];

    /// The activation of each element of `x`, in the shape of `x`.
    pub fn value(self, x: &Tensor) -> Tensor {
        match self {
            Self::Relu => x.relu(),
            Self::Silu => x.silu(),
            Self::Gelu => x.gelu("none"),
            Self::Elu => x.elu(),
            Self::Tanh => x.tanh(),
            Self::Softplus => x.softplus(),
        }
    }

    /// The activation of each element of `x` and its derivative there, both in the shape of `x`.
    pub fn value_and_slope(self, x: &Tensor) -> (Tensor, Tensor) {
        let value = self.value(x);
        let slope = match self {
            Self::Relu => x.gt(0.0).to_kind(x.kind()),
            // By the kernel of the backward pass, which cannot be differentiated itself.
            Self::Silu if !x.requires_grad() => x.silu_backward(&x.ones_like()),
            Self::Silu => {
                let sigmoid = x.sigmoid();
                let bend = &value - &value * &sigmoid;
                sigmoid + bend
            }
            Self::Gelu => {
                let distribution = ((x * FRAC_1_SQRT_2).erf() + 1.0) * 0.5;
                let density = (x.square() * -0.5).exp() / TAU.sqrt();
                distribution + x * density
            }
            Self::Elu => x.clamp_max(0.0).exp(),
            Self::Tanh => 1.0 - value.square(),
            Self::Softplus => x.sigmoid(),
        };
        (value, slope)
    }

    /// The activation of `x`, and its derivative in a direction in which `x` has the derivative `tangent`. The
    /// tangent has the shape of `x`, after any leading axes.
    pub fn value_and_tangent(self, x: &Tensor, tangent: &Tensor) -> (Tensor, Tensor) {
        if self == Self::Silu && !x.requires_grad() && x.size() == tangent.size() {
            // By the kernel of the backward pass: one pass over the numbers.
            return (self.value(x), x.silu_backward(tangent));
        }
        let (value, slope) = self.value_and_slope(x);
        (value, tangent * slope)
    }
}

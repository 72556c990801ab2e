//! The layers that Inception is made of.

use tch::Tensor;

/// A layer on images `[B, C, H, W]`.
#[derive(Debug)]
pub(super) enum Layer {
    /// A convolution, its batch norm folded in, and a rectifier.
    Conv { weight: Tensor, bias: Tensor, stride: i64, padding: [i64; 2] },
    /// The mean of 3×3 values, of those that lie on the image.
    AveragePool,
    /// The maximum of 3×3 values, at every place.
    MaxPool,
    /// The maximum of 3×3 values, at every second place.
    HalvingMaxPool,
    /// Sequences of layers side by side, whose channels are joined.
    Branches(Vec<Vec<Layer>>),
}

impl Layer {
    fn apply(&self, x: &Tensor) -> Tensor {
        match self {
            Self::Conv { weight, bias, stride, padding } => {
                x.conv2d(weight, Some(bias), [*stride, *stride], padding.as_slice(), [1, 1], 1).relu_()
            }
            Self::AveragePool => x.avg_pool2d([3, 3], [1, 1], [1, 1], false, false, None),
            Self::MaxPool => x.max_pool2d([3, 3], [1, 1], [1, 1], [1, 1], false),
            Self::HalvingMaxPool => x.max_pool2d([3, 3], [2, 2], [0, 0], [1, 1], false),
            Self::Branches(branches) => {
                let joined: Vec<Tensor> = branches.iter().map(|layers| apply_all(layers, x)).collect();
                Tensor::cat(&joined, 1)
            }
        }
    }
}

/// The value of `layers`, one after the other.
pub(super) fn apply_all(layers: &[Layer], x: &Tensor) -> Tensor {
    layers.iter().fold(x.shallow_clone(), |x, layer| layer.apply(&x))
}

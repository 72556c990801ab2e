//! The layers a U-Net is made of. Feature maps are `[B, C, H, W]`.

use tch::Tensor;

use super::assembly::{Assembly, Start};
use crate::layer::affine;

/// A convolution with a bias that keeps the maps' size, divided by the stride.
#[derive(Debug)]
pub(super) struct Convolution {
    weight: Tensor,
    bias: Tensor,
    stride: i64,
}

impl Convolution {
    /// Of `[in, out]` channels and an odd side.
    pub(super) fn new(assembly: &mut Assembly<'_>, name: &str, [from, to]: [i64; 2], side: i64) -> Self {
        Self::starting(assembly, name, [from, to], side, Start::fan_in(from * side * side))
    }

    /// One that starts at zero.
    pub(super) fn zero(assembly: &mut Assembly<'_>, name: &str, channels: [i64; 2], side: i64) -> Self {
        Self::starting(assembly, name, channels, side, Start::Zero)
    }

    fn starting(
        assembly: &mut Assembly<'_>,
        name: &str,
        [from, to]: [i64; 2],
        side: i64,
        start: Start,
    ) -> Self {
        let weight = assembly.add(&format!("{name}.weight"), &[to, from, side, side], start);
        let bias = assembly.add(&format!("{name}.bias"), &[to], Start::Zero);
        Self { weight, bias, stride: 1 }
    }

    /// The same that keeps every second row and column.
    pub(super) fn halving(self) -> Self {
        Self { stride: 2, ..self }
    }

    pub(super) fn apply(&self, h: &Tensor) -> Tensor {
        let padding = (self.weight.size()[2] - 1) / 2;
        h.conv2d(&self.weight, Some(&self.bias), self.stride, padding, 1, 1)
    }
}

/// A linear layer on the last axis.
#[derive(Debug)]
pub(super) struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    pub(super) fn new(assembly: &mut Assembly<'_>, name: &str, [from, to]: [i64; 2], start: Start) -> Self {
        let weight = assembly.add(&format!("{name}.weight"), &[to, from], start);
        let bias = assembly.add(&format!("{name}.bias"), &[to], Start::Zero);
        Self { weight, bias }
    }

    pub(super) fn apply(&self, x: &Tensor) -> Tensor {
        affine(x, &self.weight, &self.bias)
    }
}

/// Normalisation of groups of channels, image by image, with a learned scale and shift per channel.
#[derive(Debug)]
pub(super) struct GroupNorm {
    weight: Tensor,
    bias: Tensor,
    n_groups: i64,
}

impl GroupNorm {
    pub(super) fn new(assembly: &mut Assembly<'_>, name: &str, channels: i64, n_groups: i64) -> Self {
        let weight = assembly.add(&format!("{name}.weight"), &[channels], Start::One);
        let bias = assembly.add(&format!("{name}.bias"), &[channels], Start::Zero);
        Self { weight, bias, n_groups }
    }

    pub(super) fn apply(&self, h: &Tensor) -> Tensor {
        h.group_norm(self.n_groups, Some(&self.weight), Some(&self.bias), 1e-5, true)
    }
}

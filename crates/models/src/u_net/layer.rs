//! The layers a U-Net is made of. Feature maps are `[B, C, H, W]`.

use tch::Tensor;

use super::assembly::{Assembly, Start};
use super::dual::Dual;
use crate::layer::{affine, product};

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

    pub(super) fn apply(&self, h: &Dual) -> Dual {
        let padding = (self.weight.size()[2] - 1) / 2;
        let convolve =
            |h: &Tensor, bias: Option<&Tensor>| h.conv2d(&self.weight, bias, self.stride, padding, 1, 1);
        h.map_affine(|h| convolve(h, Some(&self.bias)), |tangent| convolve(tangent, None))
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

    pub(super) fn apply(&self, x: &Dual) -> Dual {
        x.map_affine(|x| affine(x, &self.weight, &self.bias), |tangent| product(tangent, &self.weight))
    }
}

/// Normalisation of groups of channels, image by image, with a learned scale and shift per channel.
#[derive(Debug)]
pub(super) struct GroupNorm {
    weight: Tensor,
    bias: Tensor,
    n_groups: i64,
}

/// What is added to a group's variance.
const EPSILON: f64 = 1e-5;

impl GroupNorm {
    pub(super) fn new(assembly: &mut Assembly<'_>, name: &str, channels: i64, n_groups: i64) -> Self {
        let weight = assembly.add(&format!("{name}.weight"), &[channels], Start::One);
        let bias = assembly.add(&format!("{name}.bias"), &[channels], Start::Zero);
        Self { weight, bias, n_groups }
    }

    pub(super) fn apply(&self, h: &Dual) -> Dual {
        let Some(tangent) = &h.tangent else {
            let value =
                h.value.group_norm(self.n_groups, Some(&self.weight), Some(&self.bias), EPSILON, true);
            return Dual::fixed(value);
        };
        let normal = h.value.group_norm(self.n_groups, None::<&Tensor>, None::<&Tensor>, EPSILON, true);
        let tangent = self.normal_tangent(&h.value, &normal, tangent);
        let per_channel = |x: &Tensor| x.view([1, -1, 1, 1]);
        let weight = per_channel(&self.weight);
        Dual { value: &normal * &weight + per_channel(&self.bias), tangent: Some(tangent * weight) }
    }

    /// `(ẋ − ⟨ẋ⟩ − n ⟨n ẋ⟩)/σ` for normalised numbers n = (x − ⟨x⟩)/σ, with means ⟨·⟩ over a group.
    fn normal_tangent(&self, h: &Tensor, normal: &Tensor, tangent: &Tensor) -> Tensor {
        let grouped = |x: &Tensor| x.reshape([x.size()[0], self.n_groups, -1]);
        let mean = |x: &Tensor| x.mean_dim(2i64, true, None);
        let (h, n, tangent) = (grouped(h), grouped(normal), grouped(tangent));
        let inverse = (h.var_dim(2i64, false, true) + EPSILON).rsqrt();
        let bent = (&tangent - mean(&tangent) - &n * mean(&(&n * &tangent))) * inverse;
        bent.view_as(normal)
    }
}

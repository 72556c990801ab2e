//! Self-attention over the places of a feature map.

use tch::Tensor;

use super::UNetConfig;
use super::assembly::{Assembly, Start};
use super::layer::{GroupNorm, Linear};

/// `h + A softmax(QKᵀ/√d) V` on the normalised map, in heads of d channels; A starts at zero.
#[derive(Debug)]
pub(super) struct Attention {
    norm: GroupNorm,
    /// Queries, keys and values, in this order.
    projections: Linear,
    output: Linear,
    head_channels: i64,
}

impl Attention {
    pub(super) fn new(assembly: &mut Assembly<'_>, name: &str, channels: i64, config: &UNetConfig) -> Self {
        let norm = GroupNorm::new(assembly, &format!("{name}.norm"), channels, config.n_groups);
        let name_of = |part: &str| format!("{name}.{part}");
        let start = Start::fan_in(channels);
        let projections = Linear::new(assembly, &name_of("projections"), [channels, 3 * channels], start);
        let output = Linear::new(assembly, &name_of("output"), [channels, channels], Start::Zero);
        Self { norm, projections, output, head_channels: config.head_channels }
    }

    pub(super) fn apply(&self, h: &Tensor) -> Tensor {
        let size = h.size();
        let (batch, channels, n_places) = (size[0], size[1], size[2] * size[3]);
        let places = self.norm.apply(h).flatten(2, 3).transpose(1, 2);
        let heads = [batch, n_places, 3, channels / self.head_channels, self.head_channels];
        // [3, B, heads, places, d]
        let parts = self.projections.apply(&places).view(heads).permute([2, 0, 3, 1, 4]);
        let (q, k, v) = (parts.get(0), parts.get(1), parts.get(2));
        let mixed =
            Tensor::scaled_dot_product_attention(&q, &k, &v, None::<&Tensor>, 0.0, false, None, false);
        let mixed = mixed.transpose(1, 2).reshape([batch, n_places, channels]);
        h + self.output.apply(&mixed).transpose(1, 2).reshape(size.as_slice())
    }
}

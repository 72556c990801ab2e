//! Self-attention over the places of a feature map.

use super::assembly::{Assembly, Start};
use super::config::UNetConfig;
use super::dual::Dual;
use super::layer::{GroupNorm, Linear};
use super::mixing::Mixing;

/// `h + A m` with m what the mixing makes of the normalised map in heads of d channels; A starts at zero.
#[derive(Debug)]
pub(super) struct Attention {
    norm: GroupNorm,
    /// Queries, keys and values, in this order.
    projections: Linear,
    output: Linear,
    head_channels: i64,
    mixing: Mixing,
}

impl Attention {
    pub(super) fn new(
        assembly: &mut Assembly<'_>,
        name: &str,
        channels: i64,
        (mixing, config): (Mixing, &UNetConfig),
    ) -> Self {
        let norm = GroupNorm::new(assembly, &format!("{name}.norm"), channels, config.n_groups);
        let name_of = |part: &str| format!("{name}.{part}");
        let start = Start::fan_in(channels);
        let projections = Linear::new(assembly, &name_of("projections"), [channels, 3 * channels], start);
        let output = Linear::new(assembly, &name_of("output"), [channels, channels], Start::Zero);
        Self { norm, projections, output, head_channels: config.head_channels, mixing }
    }

    pub(super) fn apply(&self, h: &Dual) -> Dual {
        let size = h.value.size();
        let (batch, channels, n_places) = (size[0], size[1], size[2] * size[3]);
        let places = self.norm.apply(h).map(|h| h.flatten(2, 3).transpose(1, 2));
        let heads = [batch, n_places, 3, channels / self.head_channels, self.head_channels];
        // [3, B, heads, places, d]
        let parts = self.projections.apply(&places).map(|h| h.view(heads).permute([2, 0, 3, 1, 4]));
        let mixed = self.mixing.apply(&[0, 1, 2].map(|part| parts.map(|parts| parts.get(part))));
        let mixed = mixed.map(|h| h.transpose(1, 2).reshape([batch, n_places, channels]));
        let correction = self.output.apply(&mixed);
        h.plus(&correction.map(|h| h.transpose(1, 2).reshape(size.as_slice())))
    }
}

#[cfg(test)]
mod tests {
    use interflow_core::rng::{Purpose, Stream};
    use tch::{Kind, Tensor};

    use super::*;

    /// `[2, 3, n, 5]`: images, heads, places, channels.
    fn parts(n: i64) -> [Tensor; 3] {
        let mut draw = Stream::new(1, Purpose::Test).at(0);
        [(); 3].map(|()| draw.normal(&[2, 3, n, 5], Kind::Double))
    }

    fn mixed(mixing: Mixing, parts: [&Tensor; 3]) -> Tensor {
        mixing.apply(&parts.map(|part| Dual::fixed(part.shallow_clone()))).value
    }

    fn check(found: &Tensor, expected: &Tensor) {
        assert_eq!(found.size(), expected.size());
        assert!((found - expected).abs().max().double_value(&[]) < 1e-12);
    }

    #[test]
    fn softmax_is_the_formula() {
        let [q, k, v] = parts(7);
        let weights = (q.matmul(&k.transpose(2, 3)) / 5f64.sqrt()).exp();
        let weights = &weights / weights.sum_dim_intlist(3i64, true, None);
        check(&mixed(Mixing::Softmax, [&q, &k, &v]), &weights.matmul(&v));
    }

    #[test]
    fn linear_attention_averages_values_over_the_places() {
        let [q, k, v] = parts(1);
        check(&mixed(Mixing::Linear, [&q, &k, &v]), &(&v / 5f64.sqrt()));
        // A key that stands out in all channels picks its own place's value.
        let [q, k, v] = parts(7);
        let _ = k.narrow(2, 4, 1).g_add_scalar_(60.0);
        let picked = v.narrow(2, 4, 1).expand([2, 3, 7, 5], false) / 5f64.sqrt();
        check(&mixed(Mixing::Linear, [&q, &k, &v]), &picked);
    }
}

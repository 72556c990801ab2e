//! The residual block.

use super::assembly::{Assembly, Start};
use super::config::UNetConfig;
use super::dual::Dual;
use super::layer::{Convolution, GroupNorm, Linear};
use crate::dropout::Dropout;

/// `S h + C₂ σ(N₂(C₁ σ(N₁ h) + T e))` with σ = `SiLU`, N group norms, C convolutions of side 3, T e a shift per
/// channel by time and class, S a convolution of side 1 where the number of channels changes; C₂ starts at zero.
/// Training drops numbers before C₂.
#[derive(Debug)]
pub(super) struct ResidualBlock {
    first_norm: GroupNorm,
    first: Convolution,
    shift: Linear,
    second_norm: GroupNorm,
    second: Convolution,
    skip: Option<Convolution>,
    dropout: f64,
}

impl ResidualBlock {
    /// A block of `[in, out]` channels.
    pub(super) fn new(
        assembly: &mut Assembly<'_>,
        name: &str,
        [from, to]: [i64; 2],
        config: &UNetConfig,
    ) -> Self {
        let (n_features, n_groups) = (config.n_features(), config.n_groups);
        let part = |part: &str| format!("{name}.{part}");
        Self {
            first_norm: GroupNorm::new(assembly, &part("first_norm"), from, n_groups),
            first: Convolution::new(assembly, &part("first"), [from, to], 3),
            shift: Linear::new(assembly, &part("shift"), [n_features, to], Start::fan_in(n_features)),
            second_norm: GroupNorm::new(assembly, &part("second_norm"), to, n_groups),
            second: Convolution::zero(assembly, &part("second"), [to, to], 3),
            skip: (from != to).then(|| Convolution::new(assembly, &part("skip"), [from, to], 1)),
            dropout: config.dropout,
        }
    }

    /// The block's output for maps `h` and features of time and class, `[B, E]`. Numbers with tangents are not dropped.
    pub(super) fn apply(&self, h: &Dual, features: &Dual, dropout: &mut Dropout<'_>) -> Dual {
        let shift = self.shift.apply(features).map(|shift| shift.unsqueeze(2).unsqueeze(3));
        let inner = self.first.apply(&self.first_norm.apply(h).silu()).plus(&shift);
        let Dual { value, tangent } = self.second_norm.apply(&inner).silu();
        let value = if tangent.is_none() { dropout.numbers(value, self.dropout) } else { value };
        let correction = self.second.apply(&Dual { value, tangent });
        match &self.skip {
            None => correction.plus(h),
            Some(skip) => correction.plus(&skip.apply(h)),
        }
    }
}

//! The precision of the matrix products in a training step.

use interflow_core::Network;
use interflow_libtorch::has_bf16;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind};

/// The precision of the matrix products in a training step. Weights, sums and held-out checks keep that of the
/// weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MixedPrecision {
    /// On a CPU with instructions for bfloat16, [`MixedPrecision::Bf16`] for a network of 50 000 or more weights in
    /// single precision, for which a step takes half to three quarters of the time. On a GPU, bfloat16 from ten
    /// million weights on and [`MixedPrecision::Tf32`] below. [`MixedPrecision::Off`] otherwise.
    #[default]
    Auto,
    /// bfloat16: about twice as fast on CPUs and GPUs that support it, and slower on others.
    Bf16,
    /// The precision of the weights, except that NVIDIA GPUs round the factors to 10 bits; elsewhere the same as
    /// [`MixedPrecision::Off`].
    Tf32,
    /// The precision of the weights.
    Off,
}

/// Below so many weights the casts take what the products gain.
const LEAST_WEIGHTS: i64 = 50_000;
/// The same on a GPU, where casts are launches of their own; a guess, since no GPU could be had to measure it.
const LEAST_WEIGHTS_OF_GPU: i64 = 10_000_000;

impl MixedPrecision {
    /// The choice for a network on this machine: never [`MixedPrecision::Auto`].
    #[must_use]
    pub fn resolved(self, network: &dyn Network) -> Self {
        let weights = network.parameters();
        if self != Self::Auto {
            return self;
        }
        if weights.kind() != Kind::Float {
            return Self::Off;
        }
        match (weights.device(), weights.n_scalars()) {
            (Device::Cpu, n) if n >= LEAST_WEIGHTS && has_bf16() => Self::Bf16,
            (Device::Cuda(_), n) if n >= LEAST_WEIGHTS_OF_GPU => Self::Bf16,
            (Device::Cuda(_), _) => Self::Tf32,
            _ => Self::Off,
        }
    }

    /// Whether it is left to the machine.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

#[cfg(test)]
mod tests {
    use interflow_core::rng::{Purpose, Stream};
    use interflow_models::MlpConfig;

    use super::*;

    #[test]
    fn only_large_networks_in_single_precision_gain_and_a_choice_stays() {
        let resolved = |precision: MixedPrecision, width: i64, kind: Kind| {
            let draw = &mut Stream::new(0, Purpose::Init).at(0);
            let network = MlpConfig::new(vec![width; 3]).init(2, draw, (kind, Device::Cpu)).unwrap();
            precision.resolved(&network)
        };
        let of_machine = if has_bf16() { MixedPrecision::Bf16 } else { MixedPrecision::Off };
        assert_eq!(resolved(MixedPrecision::Auto, 256, Kind::Float), of_machine);
        assert_eq!(resolved(MixedPrecision::Auto, 64, Kind::Float), MixedPrecision::Off);
        assert_eq!(resolved(MixedPrecision::Auto, 256, Kind::Double), MixedPrecision::Off);
        for chosen in [MixedPrecision::Bf16, MixedPrecision::Off] {
            assert_eq!(resolved(chosen, 256, Kind::Float), chosen);
            assert_eq!(resolved(chosen, 64, Kind::Float), chosen);
        }
    }
}

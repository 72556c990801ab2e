//! The features of the time that a network gets.

use std::f64::consts::PI;

use interflow_core::interpolant::{Schedule, ScheduleKind};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::error::{Error, MOST, Result, check_positive};

/// An embedding of the time t in [0, 1] as features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum TimeEmbedding {
    /// `2t − 1` alone. Older configs call it `identity`.
    #[serde(alias = "identity")]
    Centred {},
    /// `2t − 1` with `sin πkt` and `cos πkt` for k = 1 … `n_frequencies`.
    Fourier {
        /// The number of frequencies.
        n_frequencies: i64,
        /// The number of frequencies in the same features of `c = −log₁₀ max(α(t), 10⁻⁴) / 4`, a logarithmic clock
        /// that resolves the last times before 1. With 0, there is no such clock.
        #[serde(default)]
        n_log_frequencies: i64,
        /// The schedule from which the clock takes α, unless the network is told another ([`crate::Mlp::along`]).
        #[serde(default, skip_serializing_if = "ScheduleKind::is_default")]
        schedule: ScheduleKind,
    },
    /// `sin 1000ωt` and `cos 1000ωt` for ω = 10000^(−k/n), k = 0 … n − 1, as in Ho et al. 2020.
    Sinusoidal {
        /// The number n of frequencies.
        n_frequencies: i64,
    },
}

impl Default for TimeEmbedding {
    fn default() -> Self {
        Self::fourier(8)
    }
}

impl TimeEmbedding {
    /// [`TimeEmbedding::Fourier`] with this number of frequencies and without a logarithmic clock.
    pub fn fourier(n_frequencies: i64) -> Self {
        Self::Fourier { n_frequencies, n_log_frequencies: 0, schedule: ScheduleKind::default() }
    }

    /// The schedule that its logarithmic clock reads; the default one if it has no such clock.
    pub fn schedule(self) -> ScheduleKind {
        match self {
            Self::Fourier { schedule, .. } => schedule,
            Self::Centred {} | Self::Sinusoidal { .. } => ScheduleKind::default(),
        }
    }

    /// The number E of features.
    pub fn n_features(self) -> i64 {
        match self {
            Self::Centred {} => 1,
            Self::Fourier { n_frequencies, n_log_frequencies, .. } => {
                let n_logarithmic = if n_log_frequencies > 0 { 1 + 2 * n_log_frequencies } else { 0 };
                1 + 2 * n_frequencies + n_logarithmic
            }
            Self::Sinusoidal { n_frequencies } => 2 * n_frequencies,
        }
    }

    /// Checks the numbers of frequencies.
    ///
    /// # Errors
    /// [`Error::Size`] if the first is not positive or the second negative.
    pub fn check(self) -> Result<()> {
        let (n_frequencies, n_log_frequencies) = match self {
            Self::Centred {} => return Ok(()),
            Self::Fourier { n_frequencies, n_log_frequencies, .. } => (n_frequencies, n_log_frequencies),
            Self::Sinusoidal { n_frequencies } => (n_frequencies, 0),
        };
        check_positive("time_embedding n_frequencies", n_frequencies)?;
        if !(0..=MOST).contains(&n_log_frequencies) {
            return Err(Error::Size {
                name: "time_embedding n_log_frequencies",
                requirement: "from 0 to 2²⁰",
                found: n_log_frequencies.to_string(),
            });
        }
        Ok(())
    }

    /// The features `[B, E]` of times `t`, `[B]`. The logarithmic clock takes α from `schedule`.
    pub fn embed(self, t: &Tensor, schedule: &dyn Schedule) -> Tensor {
        let t = t.unsqueeze(1);
        match self {
            Self::Centred {} => t * 2.0 - 1.0,
            Self::Fourier { n_frequencies, n_log_frequencies: 0, .. } => waves(&t, n_frequencies),
            Self::Fourier { n_frequencies, n_log_frequencies, .. } => {
                let alpha = schedule.coefficients(&t).alpha.clamp_min(SMALLEST_ALPHA);
                let c = alpha.log() / SMALLEST_ALPHA.ln();
                Tensor::cat(&[waves(&t, n_frequencies), waves(&c, n_log_frequencies)], 1)
            }
            Self::Sinusoidal { n_frequencies } => {
                let omega = sinusoidal_frequencies(n_frequencies, (t.kind(), t.device()));
                let phase = t * omega;
                Tensor::cat(&[phase.sin(), phase.cos()], 1)
            }
        }
    }

    /// The features and their derivatives with respect to time, both `[B, E]`. The arguments are those of
    /// [`TimeEmbedding::embed`]. Where the logarithmic clock has stopped, at its floor of α, its derivative is zero.
    pub fn embed_with_rate(self, t: &Tensor, schedule: &dyn Schedule) -> (Tensor, Tensor) {
        let t = t.unsqueeze(1);
        match self {
            Self::Centred {} => (&t * 2.0 - 1.0, t.full_like(2.0)),
            Self::Fourier { n_frequencies, n_log_frequencies: 0, .. } => waves_and_slope(&t, n_frequencies),
            Self::Fourier { n_frequencies, n_log_frequencies, .. } => {
                let path = schedule.coefficients(&t);
                let alpha = path.alpha.clamp_min(SMALLEST_ALPHA);
                let running = path.alpha.gt(SMALLEST_ALPHA).to_kind(t.kind());
                let c = alpha.log() / SMALLEST_ALPHA.ln();
                let c_dot = running * path.alpha_dot / (alpha * SMALLEST_ALPHA.ln());
                let (value, rate) = waves_and_slope(&t, n_frequencies);
                let (of_clock, slope) = waves_and_slope(&c, n_log_frequencies);
                (Tensor::cat(&[value, of_clock], 1), Tensor::cat(&[rate, slope * c_dot], 1))
            }
            Self::Sinusoidal { n_frequencies } => {
                let omega = sinusoidal_frequencies(n_frequencies, (t.kind(), t.device()));
                let phase = t * &omega;
                let (sin, cos) = (phase.sin(), phase.cos());
                let rate = Tensor::cat(&[&cos * &omega, -(&sin * omega)], 1);
                (Tensor::cat(&[sin, cos], 1), rate)
            }
        }
    }
}

/// `1000 ω` for the n frequencies ω of a sinusoidal embedding, `[n]`.
fn sinusoidal_frequencies(n: i64, options: (Kind, Device)) -> Tensor {
    let k = Tensor::arange(n, options);
    (k * (-SINUSOIDAL_RANGE.ln() / n as f64)).exp() * SINUSOIDAL_STEPS
}

/// Where the logarithmic clock stops.
const SMALLEST_ALPHA: f64 = 1e-4;

/// Between which frequencies a sinusoidal embedding lies, and how often the time's unit is their step.
const SINUSOIDAL_RANGE: f64 = 1e4;
const SINUSOIDAL_STEPS: f64 = 1e3;

/// `2t − 1`, `sin πkt` and `cos πkt` for k = 1 … n, `[B, 1 + 2n]`, of `t`, `[B, 1]`.
fn waves(t: &Tensor, n: i64) -> Tensor {
    let k = Tensor::arange_start(1, n + 1, (t.kind(), t.device()));
    let phase = t * (k * PI);
    Tensor::cat(&[t * 2.0 - 1.0, phase.sin(), phase.cos()], 1)
}

/// The same and its derivative in `t`, both `[B, 1 + 2n]`.
fn waves_and_slope(t: &Tensor, n: i64) -> (Tensor, Tensor) {
    let omega = Tensor::arange_start(1, n + 1, (t.kind(), t.device())) * PI;
    let phase = t * &omega;
    let (sin, cos) = (phase.sin(), phase.cos());
    let slope = Tensor::cat(&[t.full_like(2.0), &cos * &omega, -(&sin * omega)], 1);
    (Tensor::cat(&[t * 2.0 - 1.0, sin, cos], 1), slope)
}

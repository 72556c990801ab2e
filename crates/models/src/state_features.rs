//! Waves of the state, for densities with sharp edges or narrow peaks.
//!
//! For each coordinate and each octave k the features are `g sin y` and `g cos y` with `y = ωx/r`, `ω = 2ᵏ`,
//! `r = √(β² + 10⁻⁴)` and `g = exp(−½(αω/r)²)`. A network takes α and β from the schedule that its features name,
//! which is the trigonometric one by default, or from one that it is told ([`crate::Mlp::along`]). On a path of that
//! schedule, `x/r` undoes the path's scaling of the target, and g is the factor by which the base's noise, of width
//! α/r on that scale, damps a wave on average: a wave appears when the path has become narrow enough to resolve it.
//! If the base has structure of its own, the same waves with α and β exchanged are useful too.
//!
//! A flow map jumps from wide states to sharp edges, which damped waves of the wide states do not show. It needs
//! waves that are the same at all times: `sin ωx` and `cos ωx`, with g = 1 and r = 1.

use interflow_core::interpolant::{ScheduleCoefficients, ScheduleKind};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};

/// Keeps `x/r` finite at the other end, where every wave is damped to nothing.
const FLOOR: f64 = 1e-4;

/// The ends of the path whose structure the waves resolve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Ends {
    /// The target only, for a smooth base.
    #[default]
    Target,
    /// The base too.
    Both,
}

impl Ends {
    fn count(self) -> i64 {
        match self {
            Self::Target => 1,
            Self::Both => 2,
        }
    }
}

/// Whether waves are damped while the path is too wide to resolve them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Damping {
    /// They are scaled and damped with the path.
    #[default]
    ByNoise,
    /// They are the same at all times.
    Off,
}

impl Damping {
    /// Whether it is the default, which configs leave out.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Waves of every coordinate: a sine and a cosine for each octave and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateFeatures {
    /// The number of octaves: the wave numbers are 1, 2, 4, … `2^(n_octaves − 1)`.
    pub n_octaves: i64,
    /// The ends of the path whose structure they resolve.
    #[serde(default)]
    pub ends: Ends,
    /// The schedule from which α and β are taken.
    #[serde(default, skip_serializing_if = "ScheduleKind::is_default")]
    pub schedule: ScheduleKind,
    /// Whether waves are damped while the path is too wide to resolve them. Without damping the waves are the same
    /// for both ends, and `ends` and `schedule` have no effect.
    #[serde(default, skip_serializing_if = "Damping::is_default")]
    pub damping: Damping,
}

impl StateFeatures {
    /// Waves of `n_octaves` octaves that resolve the target.
    pub fn octaves(n_octaves: i64) -> Self {
        let (ends, schedule, damping) = (Ends::default(), ScheduleKind::default(), Damping::default());
        Self { n_octaves, ends, schedule, damping }
    }

    /// Checks the number of octaves.
    ///
    /// # Errors
    /// [`Error::Size`] unless it lies in 1..=16.
    pub fn check(self) -> Result<()> {
        if (1..=16).contains(&self.n_octaves) {
            return Ok(());
        }
        Err(Error::Size {
            name: "state_features n_octaves",
            requirement: "in 1..=16",
            found: self.n_octaves.to_string(),
        })
    }

    /// The number of features of each coordinate, 2K.
    pub fn n_per_coordinate(self) -> i64 {
        let n_ends = match self.damping {
            Damping::ByNoise => self.ends.count(),
            Damping::Off => 1,
        };
        2 * self.n_octaves * n_ends
    }

    /// The features `[B, D, 2K]` of states `x`, `[B, D]`, with the schedule's `coefficients` at their times, each
    /// `[B]`.
    pub fn value(self, coefficients: &ScheduleCoefficients, x: &Tensor) -> Tensor {
        let (scaled, damping) = self.scales(coefficients);
        let y = x.unsqueeze(2) * scaled.unsqueeze(1);
        let damping = damping.unsqueeze(1);
        Tensor::cat(&[y.sin() * &damping, y.cos() * damping], 2)
    }

    /// The features, and their derivatives with respect to their own coordinate, both `[B, D, 2K]`. The arguments are
    /// those of [`StateFeatures::value`].
    pub fn value_and_slope(self, coefficients: &ScheduleCoefficients, x: &Tensor) -> (Tensor, Tensor) {
        let (scaled, damping) = self.scales(coefficients);
        let scaled = scaled.unsqueeze(1);
        let y = x.unsqueeze(2) * &scaled;
        let damping = damping.unsqueeze(1);
        let (sin, cos) = (y.sin() * &damping, y.cos() * damping);
        let slope = Tensor::cat(&[&cos * &scaled, -(&sin * scaled)], 2);
        (Tensor::cat(&[sin, cos], 2), slope)
    }

    /// The features, and their derivatives with respect to time if each state moves with the velocity `velocity`,
    /// `[B, D]`; both are `[B, D, 2K]`. The other arguments are those of [`StateFeatures::value`].
    pub fn value_and_rate(
        self,
        coefficients: &ScheduleCoefficients,
        x: &Tensor,
        velocity: &Tensor,
    ) -> (Tensor, Tensor) {
        let [scaled, damping, scaled_dot, damping_dot] =
            self.scales_and_rates(coefficients).map(|scale| scale.unsqueeze(1));
        let (x, velocity) = (x.unsqueeze(2), velocity.unsqueeze(2));
        let y = &x * &scaled;
        let y_dot = (velocity * scaled + x * scaled_dot) * &damping;
        let (sin, cos) = (y.sin(), y.cos());
        let rate = Tensor::cat(&[&sin * &damping_dot + &cos * &y_dot, &cos * damping_dot - &sin * y_dot], 2);
        (Tensor::cat(&[sin * &damping, cos * damping], 2), rate)
    }

    /// `ω = 1, 2, 4, …` of the octaves, `[K]`. Made on the device, since an upload at every call would be waited for; products
    /// of twos are exact in every kind.
    fn octave_numbers(self, options: (Kind, Device)) -> Tensor {
        Tensor::full([self.n_octaves], 2.0, options).cumprod(0, options.0) * 0.5
    }

    /// `ω/r` and `g` per sample, octave and end, both `[B, K]`.
    fn scales(self, coefficients: &ScheduleCoefficients) -> (Tensor, Tensor) {
        let (far, near) = (coefficients.alpha.unsqueeze(1), coefficients.beta.unsqueeze(1));
        let omega = self.octave_numbers((near.kind(), near.device()));
        if self.damping == Damping::Off {
            let scaled = omega.unsqueeze(0).expand([near.size()[0], -1], false);
            let damping = scaled.ones_like();
            return (scaled, damping);
        }
        let one_end = |far: &Tensor, near: &Tensor| {
            let scaled = &omega / (near.square() + FLOOR).sqrt();
            let damping = ((&scaled * far).square() * -0.5).exp();
            (scaled, damping)
        };
        let target = one_end(&far, &near);
        match self.ends {
            Ends::Target => target,
            Ends::Both => {
                let base = one_end(&near, &far);
                (Tensor::cat(&[target.0, base.0], 1), Tensor::cat(&[target.1, base.1], 1))
            }
        }
    }

    /// `ω/r` and `g`, and the derivatives of both in time, each `[B, K]`.
    fn scales_and_rates(self, coefficients: &ScheduleCoefficients) -> [Tensor; 4] {
        let (scaled, damping) = self.scales(coefficients);
        if self.damping == Damping::Off {
            let zero = scaled.zeros_like();
            return [scaled, damping, zero.shallow_clone(), zero];
        }
        let one_end = |first: i64, [far, far_dot, near, near_dot]: [&Tensor; 4]| {
            let of_end = |x: &Tensor| x.narrow(1, first, self.n_octaves);
            let (scaled, damping) = (of_end(&scaled), of_end(&damping));
            let scaled_dot = -(&scaled * (near * near_dot / (near.square() + FLOOR)));
            let damping_dot = -(damping * (&scaled * far) * (&scaled_dot * far + &scaled * far_dot));
            (scaled_dot, damping_dot)
        };
        let c = coefficients;
        let [a, a_dot, b, b_dot] = [&c.alpha, &c.alpha_dot, &c.beta, &c.beta_dot].map(|x| x.unsqueeze(1));
        let (mut scaled_dot, mut damping_dot) = one_end(0, [&a, &a_dot, &b, &b_dot]);
        if self.ends == Ends::Both {
            let base = one_end(self.n_octaves, [&b, &b_dot, &a, &a_dot]);
            scaled_dot = Tensor::cat(&[scaled_dot, base.0], 1);
            damping_dot = Tensor::cat(&[damping_dot, base.1], 1);
        }
        [scaled, damping, scaled_dot, damping_dot]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octaves_are_powers_of_two_to_the_bit() {
        let expected: Vec<f64> = (0..16).map(|k| 2f64.powi(k)).collect();
        for kind in [Kind::Float, Kind::Double, Kind::BFloat16] {
            let found = StateFeatures::octaves(16).octave_numbers((kind, Device::Cpu));
            assert_eq!(found.kind(), kind);
            assert!(found.equal(&Tensor::from_slice(&expected).to_kind(kind)), "{found:?}");
        }
    }
}

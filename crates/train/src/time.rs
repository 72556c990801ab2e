//! The law of the training times, stratified over the batch.
//!
//! Time `i` of a batch of `n` is `F⁻¹((i + U)/n)`, one time in each of `n` equally likely strata, which lowers the
//! variance of the loss at no cost. A law other than the uniform one weights the loss by its density. For every
//! positive density the minimiser of the objective is the same, but its value is not.

use interflow_core::interpolant::{Interpolant, ScheduleCoefficients};
use interflow_core::rng::Draw;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::error::{Result, check_range};

/// The law of the training times, as written in a config.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum TimeConfig {
    /// Uniform on the interpolant's regular interval.
    Uniform {},
    /// Beta(a, b) with `a = 1`, whose density is `b (1 − t)^(b − 1)`, on the interpolant's regular interval. With `b < 1` late times are more likely.
    Beta {
        /// The parameter a, which must be 1, because then the inverse has a closed form.
        a: f64,
        /// The parameter b > 0.
        b: f64,
    },
    /// `log α(t)` uniform between `log floor` and 0, so that late times, where α is small, are more likely.
    LogUniformAlpha {
        /// The smallest α, in (0, 1). Later times are not drawn.
        floor: f64,
        /// The fraction of times, in [0, 1), that are uniform instead.
        #[serde(default)]
        uniform_share: f64,
    },
    /// `log(β(t)/α(t))` uniform between `log floor` and `−log floor`: half of the logarithm of the signal-to-noise ratio, in
    /// which times near both ends are as likely.
    LogUniformRatio {
        /// The smallest β/α, in (0, 1), and the inverse of the largest. Times beyond are not drawn.
        floor: f64,
        /// The fraction of times, in [0, 1), that are uniform instead.
        #[serde(default)]
        uniform_share: f64,
    },
}

impl Default for TimeConfig {
    fn default() -> Self {
        Self::Uniform {}
    }
}

impl TimeConfig {
    /// Rejects values that make no sense.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] naming the value.
    pub fn check(&self) -> Result<()> {
        match *self {
            Self::Uniform {} => Ok(()),
            Self::Beta { a, b } => {
                check_range("time a", "1", a, (a - 1.0).abs() < f64::EPSILON)?;
                check_range("time b", "positive and finite", b, b > 0.0 && b.is_finite())
            }
            Self::LogUniformAlpha { floor, uniform_share }
            | Self::LogUniformRatio { floor, uniform_share } => {
                check_range("time floor", "in (0, 1)", floor, floor > 0.0 && floor < 1.0)?;
                let allowed = (0.0..1.0).contains(&uniform_share);
                check_range("time uniform_share", "in [0, 1)", uniform_share, allowed)
            }
        }
    }

    /// The sampler of these times for an interpolant.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] naming the value.
    pub fn build(&self, interpolant: &Interpolant) -> Result<TimeSampler> {
        self.check()?;
        let inverse = match *self {
            Self::Uniform {} => Inverse::Uniform,
            Self::Beta { b, .. } => Inverse::Beta { b },
            Self::LogUniformAlpha { floor, uniform_share } => {
                let table = uniform_in(interpolant, (0.0, -floor.ln()), |schedule| -schedule.alpha.log());
                Inverse::Mixture { uniform_share, table }
            }
            Self::LogUniformRatio { floor, uniform_share } => {
                let log_ratio = |schedule: ScheduleCoefficients| (schedule.beta / schedule.alpha).log();
                let table = uniform_in(interpolant, (floor.ln(), -floor.ln()), log_ratio);
                Inverse::Mixture { uniform_share, table }
            }
        };
        Ok(TimeSampler { inverse, interval: interpolant.regular_on() })
    }
}

/// The inverse of a distribution function on [0, 1].
#[derive(Debug, Clone)]
enum Inverse {
    Uniform,
    Beta {
        b: f64,
    },
    /// Uniform up to a share, above it values at equally spaced arguments, linear in between.
    Mixture {
        uniform_share: f64,
        table: Vec<f64>,
    },
}

/// Draws stratified times on the interval where the interpolant is regular.
#[derive(Debug, Clone)]
pub struct TimeSampler {
    inverse: Inverse,
    interval: (f64, f64),
}

impl TimeSampler {
    /// `n` times, one for each stratum in the order of the strata, `[n]` in `f64` on the CPU.
    pub fn sample(&self, n: i64, draw: &mut Draw) -> Tensor {
        let times: Vec<f64> = (0..n).map(|i| self.quantile((i as f64 + unit(draw)) / n as f64)).collect();
        Tensor::from_slice(&times)
    }

    /// The quantile function: the time for the probability `u` in [0, 1], so that uniform `u` give times of the law.
    /// It rises with `u`, except between the two parts of a mixture.
    pub fn quantile(&self, u: f64) -> f64 {
        let (low, high) = self.interval;
        match &self.inverse {
            Inverse::Uniform => low + (high - low) * u,
            Inverse::Beta { b } => {
                // Of the law on the interval alone: 1 − F is (1 − t)^b.
                let (of_low, of_high) = ((1.0 - low).powf(*b), (1.0 - high).powf(*b));
                (1.0 - (of_low + (of_high - of_low) * u).powf(b.recip())).clamp(low, high)
            }
            Inverse::Mixture { uniform_share, .. } if u < *uniform_share => {
                low + (high - low) * u / uniform_share
            }
            Inverse::Mixture { uniform_share, table } => {
                interpolate(table, (u - uniform_share) / (1.0 - uniform_share)).clamp(low, high)
            }
        }
    }
}

/// A uniform number in [0, 1) with 53 random bits.
fn unit(draw: &mut Draw) -> f64 {
    (draw.bits() >> 11) as f64 * 2f64.powi(-53)
}

fn interpolate(table: &[f64], u: f64) -> f64 {
    let position = u.clamp(0.0, 1.0) * (table.len() - 1) as f64;
    let i = (position as usize).min(table.len() - 2);
    table[i] + (table[i + 1] - table[i]) * (position - i as f64)
}

/// The times at which an increasing number of the schedule has equally spaced values from the first of the two to the second, by
/// bisection.
fn uniform_in(
    interpolant: &Interpolant,
    (first, last): (f64, f64),
    number: impl Fn(ScheduleCoefficients) -> Tensor,
) -> Vec<f64> {
    const INTERVALS: i64 = 4096;
    let u = Tensor::arange(INTERVALS + 1, (tch::Kind::Double, tch::Device::Cpu)) / INTERVALS as f64;
    let targets = u * (last - first) + first;
    let (mut low, mut high) = (targets.zeros_like(), targets.ones_like());
    for _ in 0..60 {
        let middle = (&low + &high) * 0.5;
        let is_before = number(interpolant.schedule(&middle)).le_tensor(&targets);
        low = middle.where_self(&is_before, &low);
        high = high.where_self(&is_before, &middle);
    }
    let mut table = vec![0.0; INTERVALS as usize + 1];
    low.copy_data(&mut table, INTERVALS as usize + 1);
    table
}

#[cfg(test)]
mod tests {
    use interflow_core::interpolant::{Gamma, Linear};
    use interflow_core::rng::{Purpose, Stream};

    use super::*;

    fn times(config: TimeConfig, interpolant: &Interpolant) -> Vec<f64> {
        let sampler = config.build(interpolant).unwrap();
        let t = sampler.sample(1000, &mut Stream::new(1, Purpose::Time).at(0));
        Vec::<f64>::try_from(t).unwrap()
    }

    #[test]
    fn every_stratum_holds_one_time() {
        for (i, t) in times(TimeConfig::default(), &Interpolant::linear()).iter().enumerate() {
            assert_eq!((t * 1000.0) as usize, i);
        }
    }

    #[test]
    fn beta_has_its_mean() {
        let t = times(TimeConfig::Beta { a: 1.0, b: 0.5 }, &Interpolant::linear());
        let mean = t.iter().sum::<f64>() / 1000.0;
        assert!((mean - 1.0 / 1.5).abs() < 2e-3, "{mean}");
    }

    #[test]
    fn log_alpha_is_uniform() {
        for interpolant in [Interpolant::linear(), Interpolant::trigonometric()] {
            let sampler =
                TimeConfig::LogUniformAlpha { floor: 1e-2, uniform_share: 0.0 }.build(&interpolant).unwrap();
            for u in [0.1, 0.5, 0.9, 1.0] {
                let t = Tensor::from_slice(&[sampler.quantile(u)]);
                let alpha = interpolant.schedule(&t).alpha.double_value(&[0]);
                assert!((alpha.ln() - u * 0.01f64.ln()).abs() < 1e-5, "{alpha} at {u}");
            }
        }
    }

    #[test]
    fn log_ratio_is_uniform() {
        for interpolant in [Interpolant::linear(), Interpolant::trigonometric()] {
            let law = TimeConfig::LogUniformRatio { floor: 1e-3, uniform_share: 0.0 };
            let sampler = law.build(&interpolant).unwrap();
            for u in [0.0, 0.1, 0.5, 0.9, 1.0] {
                let schedule = interpolant.schedule(&Tensor::from_slice(&[sampler.quantile(u)]));
                let log_ratio = (schedule.beta / schedule.alpha).log().double_value(&[0]);
                assert!((log_ratio - (1.0 - 2.0 * u) * 1e-3f64.ln()).abs() < 1e-5, "{log_ratio} at {u}");
            }
        }
    }

    #[test]
    fn a_share_of_the_times_is_uniform() {
        let law = TimeConfig::LogUniformAlpha { floor: 1e-2, uniform_share: 0.25 };
        let t = times(law, &Interpolant::linear());
        for (i, t) in t[..250].iter().enumerate() {
            assert_eq!((t * 250.0) as usize, i);
        }
        // Linear: α = 1 − t, so the rest has the mean 1 − (1 − floor)/log(1/floor).
        let mean = t[250..].iter().sum::<f64>() / 750.0;
        assert!((mean - (1.0 - 0.99 / 100f64.ln())).abs() < 2e-3, "{mean}");
    }

    #[test]
    fn times_keep_to_the_regular_interval() {
        let interpolant = Interpolant::new(Linear, Some(Gamma::Brownian { strength: 1.0 }));
        let (low, high) = interpolant.regular_on();
        for config in [TimeConfig::Uniform {}, TimeConfig::Beta { a: 1.0, b: 0.2 }] {
            let times = times(config, &interpolant);
            assert!(times.iter().all(|t| (low..=high).contains(t)));
            // Strata are apart, also at the ends.
            assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{config:?}");
        }
    }

    #[test]
    fn bad_laws_are_refused() {
        assert!(TimeConfig::Beta { a: 2.0, b: 1.0 }.check().is_err());
        assert!(TimeConfig::LogUniformAlpha { floor: 1.0, uniform_share: 0.0 }.check().is_err());
        assert!(serde_json::from_str::<TimeConfig>(r#"{"kind":"uniform","b":1}"#).is_err());
    }
}

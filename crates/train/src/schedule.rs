//! How the learning rate changes over the run.

use serde::{Deserialize, Serialize};

use crate::error::{Result, check_range};

/// How the learning rate falls after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum ScheduleConfig {
    /// It does not fall.
    Constant {},
    /// Along a half cosine to 0 at the last step.
    Cosine {},
    /// By `factor` after every `every` steps.
    Step {
        /// The number of steps between two falls.
        every: u64,
        /// The factor, in (0, 1].
        factor: f64,
    },
    /// By `decay` after every step.
    Exponential {
        /// The factor, in (0, 1].
        decay: f64,
    },
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self::Constant {}
    }
}

impl ScheduleConfig {
    /// Rejects values that make no sense.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] naming the value.
    pub fn check(&self) -> Result<()> {
        match *self {
            Self::Constant {} | Self::Cosine {} => Ok(()),
            Self::Step { every, factor } => {
                check_range("schedule every", "positive", every as f64, every > 0)?;
                check_range("schedule factor", "in (0, 1]", factor, factor > 0.0 && factor <= 1.0)
            }
            Self::Exponential { decay } => {
                check_range("schedule decay", "in (0, 1]", decay, decay > 0.0 && decay <= 1.0)
            }
        }
    }

    /// The factor on the learning rate in step `step` (counted from 0) of `steps`, of which the first `warmup` are
    /// the warm-up.
    pub fn factor(&self, step: u64, steps: u64, warmup: u64) -> f64 {
        if step < warmup {
            return (step + 1) as f64 / warmup as f64;
        }
        let after = (step - warmup) as f64;
        match *self {
            Self::Constant {} => 1.0,
            Self::Cosine {} => {
                let share = after / steps.saturating_sub(warmup).max(1) as f64;
                0.5 * (1.0 + (std::f64::consts::PI * share.min(1.0)).cos())
            }
            Self::Step { every, factor } => factor.powf(((step - warmup) / every) as f64),
            Self::Exponential { decay } => decay.powf(after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn courses_have_their_values() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} is not {b}");
        close(ScheduleConfig::Constant {}.factor(4, 100, 10), 0.5);
        close(ScheduleConfig::Cosine {}.factor(10, 110, 10), 1.0);
        close(ScheduleConfig::Cosine {}.factor(60, 110, 10), 0.5);
        close(ScheduleConfig::Step { every: 10, factor: 0.5 }.factor(25, 100, 0), 0.25);
        close(ScheduleConfig::Exponential { decay: 0.9 }.factor(2, 100, 0), 0.81);
    }
}

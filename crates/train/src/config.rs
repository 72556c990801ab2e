//! How to train, as written in a config.

use serde::{Deserialize, Serialize};
use tch::Device;

use crate::accumulate::Accumulate;
use crate::error::{Result, check_range};
use crate::mixed_precision::MixedPrecision;
use crate::optimizer::OptimizerConfig;
use crate::schedule::ScheduleConfig;
use crate::time::TimeConfig;

/// No machine holds more points; a count beyond would not fit where it is multiplied.
pub const MOST_POINTS: i64 = 1_000_000_000_000;

/// The training run's settings. Its length is a number of steps, never of seconds, so that resuming is exact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// How many steps to take.
    pub steps: u64,
    /// The pairs (x0, x1) per step.
    pub batch: i64,
    /// Into how many equal parts a step's pairs are cut, one after the other through the network: less memory, the
    /// same gradient.
    pub accumulate: Accumulate,
    /// The deviation of normal noise that training adds to the target's points at every visit, in the flow's
    /// coordinates: few points are harder to learn by heart. What they are given gets none.
    pub jitter: f64,
    /// The law of the times.
    pub time: TimeConfig,
    /// The optimiser.
    pub optimizer: OptimizerConfig,
    /// The learning rate's course.
    pub schedule: ScheduleConfig,
    /// The kind of a step's products of matrices.
    #[serde(skip_serializing_if = "MixedPrecision::is_auto")]
    pub mixed_precision: MixedPrecision,
    /// Over how many steps the learning rate rises linearly from 0.
    pub warmup_steps: u64,
    /// The gradient norm above which gradients are scaled down to it.
    pub clip_norm: Option<f64>,
    /// The decay of the weights' running average; no average without it.
    pub ema_decay: Option<f64>,
    /// Report every so many steps; never for 0.
    pub log_every: u64,
    /// Make a checkpoint every so many steps and at the end; only at the end for 0.
    pub checkpoint_every: u64,
    /// Check on held-out data every so many steps; never for 0.
    pub validate_every: u64,
    /// The held-out pairs of one check.
    pub n_validation: i64,
    /// Stop after so many checks in a row without a new best; never without it.
    pub patience: Option<u32>,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            steps: 20_000,
            batch: 512,
            accumulate: Accumulate::default(),
            jitter: 0.0,
            time: TimeConfig::default(),
            optimizer: OptimizerConfig::default(),
            schedule: ScheduleConfig::default(),
            mixed_precision: MixedPrecision::Auto,
            warmup_steps: 0,
            clip_norm: None,
            ema_decay: Some(0.999),
            log_every: 100,
            checkpoint_every: 5_000,
            validate_every: 1_000,
            n_validation: 10_000,
            patience: None,
        }
    }
}

impl TrainConfig {
    /// Checks every number.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] naming the first one that is out of its range.
    pub fn check(&self) -> Result<()> {
        let allowed = (1..=MOST_POINTS).contains(&self.batch);
        check_range("batch", "positive and at most 10¹²", self.batch as f64, allowed)?;
        let parts = self.accumulate.parts();
        check_range("accumulate", "positive", parts as f64, parts > 0)?;
        let divides = self.batch % parts == 0;
        check_range("accumulate", "a divisor of batch", parts as f64, divides)?;
        let jitter = self.jitter;
        check_range("jitter", "finite and not negative", jitter, jitter >= 0.0 && jitter.is_finite())?;
        let allowed = (2..=1_000_000_000).contains(&self.n_validation);
        check_range("n_validation", "at least 2 and at most 10⁹", self.n_validation as f64, allowed)?;
        if let Some(norm) = self.clip_norm {
            check_range("clip_norm", "positive and finite", norm, norm > 0.0 && norm.is_finite())?;
        }
        if let Some(decay) = self.ema_decay {
            check_range("ema_decay", "in [0, 1)", decay, (0.0..1.0).contains(&decay))?;
        }
        if let Some(patience) = self.patience {
            check_range("patience", "positive", f64::from(patience), patience > 0)?;
            let every = self.validate_every;
            check_range("validate_every", "positive where patience is set", every as f64, every > 0)?;
        }
        self.time.check()?;
        self.optimizer.check()?;
        self.schedule.check()
    }
}

impl TrainConfig {
    /// What `body` returns, the whole of a step, with TF32 where the precision allows it. The setting is the process's, so
    /// that backward passes have it too.
    pub(crate) fn with_tf32<T>(&self, body: impl FnOnce() -> T) -> T {
        let exact = matches!(self.mixed_precision, MixedPrecision::Auto | MixedPrecision::Off);
        interflow_libtorch::with_tf32(!exact, body)
    }

    /// What `body` returns, with matrix products in it computed in the configured precision.
    pub(crate) fn in_precision<T>(&self, device: Device, body: impl FnOnce() -> T) -> Result<T> {
        match self.mixed_precision {
            MixedPrecision::Bf16 => Ok(interflow_libtorch::autocast_bf16(device, body)?),
            _ => Ok(body()),
        }
    }
}

/// Whether something that happens `every` so many steps happens after `step`.
pub(crate) fn due(every: u64, step: u64) -> bool {
    every > 0 && step > 0 && step.is_multiple_of(every)
}

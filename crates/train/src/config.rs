//! The settings of training, as written in a config.

use serde::{Deserialize, Serialize};
use tch::Device;

use crate::accumulate::Accumulate;
use crate::error::{Result, check_range};
use crate::mixed_precision::MixedPrecision;
use crate::optimizer::OptimizerConfig;
use crate::schedule::ScheduleConfig;
use crate::time::TimeConfig;

/// The largest count of points that configs may name: no machine holds more, and larger counts would overflow where
/// they are multiplied.
pub const MOST_POINTS: i64 = 1_000_000_000_000;

/// The settings of a training run. Its length is a number of steps, never of seconds, so that resuming is exact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// The number of training steps.
    pub steps: u64,
    /// The number of pairs (x0, x1) in each step.
    pub batch: i64,
    /// Gradient accumulation: the number of equal parts into which a batch is split. They pass through the network one after
    /// another, which takes less memory and gives the same gradient.
    pub accumulate: Accumulate,
    /// The standard deviation of normal noise that is added to the target's points, in the flow's coordinates, each
    /// time they are visited. It makes a small data set harder to memorise. Conditions get no noise.
    pub jitter: f64,
    /// The law of the training times.
    pub time: TimeConfig,
    /// The optimiser.
    pub optimizer: OptimizerConfig,
    /// How the learning rate changes after the warm-up.
    pub schedule: ScheduleConfig,
    /// The precision of a step's matrix products.
    #[serde(skip_serializing_if = "MixedPrecision::is_auto")]
    pub mixed_precision: MixedPrecision,
    /// The number of steps over which the learning rate rises linearly from 0.
    pub warmup_steps: u64,
    /// Gradients are clipped to this norm; without it they are not clipped.
    pub clip_norm: Option<f64>,
    /// The decay of the running average (EMA) of the weights; without it, there is no average.
    pub ema_decay: Option<f64>,
    /// The number of steps between two reports; with 0 there are none.
    pub log_every: u64,
    /// The number of steps between two checkpoints; with 0 only the final one is written, which there always is.
    pub checkpoint_every: u64,
    /// The number of steps between two held-out checks; with 0 there are none.
    pub validate_every: u64,
    /// The number of held-out pairs in each check.
    pub n_validation: i64,
    /// Training stops after this many checks in a row without a new best. Without it, it never stops early.
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
    /// Rejects values that make no sense.
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

//! How a path is learned, as written in a config.

use interflow_train::{MOST_POINTS, OptimizerConfig};
use serde::{Deserialize, Serialize};

use crate::error::{Result, check_range};
use crate::learnable::PathFamily;

/// How a path is learned, as written in a config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathConfig {
    /// The family of paths that is searched. The search starts at the config's interpolant.
    pub family: PathFamily,
    /// The step of the velocity's training at which the path takes its first step; 1000 by default.
    #[serde(default = "default_start")]
    pub start: u64,
    /// How many steps the velocity takes for each step of the path; 5 by default.
    #[serde(default = "default_every")]
    pub every: u64,
    /// The fraction of the velocity's steps after which the path rests; 0.7 by default.
    #[serde(default = "default_rest_at")]
    pub rest_at: f64,
    /// How many pairs (x0, x1) each step of the path uses; 512 by default.
    #[serde(default = "default_batch")]
    pub batch: i64,
    /// The path's optimiser. Its learning rate falls along a half cosine to 0 at `rest_at`.
    #[serde(default = "default_optimizer")]
    pub optimizer: OptimizerConfig,
    /// The decay, per step of the path, of the running average at which the path comes to rest; 0.95 by default.
    #[serde(default = "default_decay")]
    pub ema_decay: f64,
    /// After this many held-out checks in a row in which the cost has not fallen, the path rests. Without it, it does
    /// not rest early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<u32>,
    /// By which fraction of itself the cost has to fall to count as fallen; 0.001 by default.
    #[serde(default = "default_least_fall")]
    pub least_fall: f64,
    /// How many samples are compared with as many held-out points at each check; 500 by default, and none for 0.
    #[serde(default = "default_n_samples")]
    pub n_samples: i64,
}

fn default_start() -> u64 {
    1000
}

fn default_every() -> u64 {
    5
}

fn default_rest_at() -> f64 {
    0.7
}

fn default_batch() -> i64 {
    512
}

fn default_optimizer() -> OptimizerConfig {
    OptimizerConfig { learning_rate: 1e-2, beta2: 0.99, ..OptimizerConfig::default() }
}

fn default_decay() -> f64 {
    0.95
}

fn default_least_fall() -> f64 {
    1e-3
}

fn default_n_samples() -> i64 {
    500
}

impl PathConfig {
    /// The default search in this family.
    pub fn new(family: PathFamily) -> Self {
        Self {
            family,
            start: default_start(),
            every: default_every(),
            rest_at: default_rest_at(),
            batch: default_batch(),
            optimizer: default_optimizer(),
            ema_decay: default_decay(),
            patience: None,
            least_fall: default_least_fall(),
            n_samples: default_n_samples(),
        }
    }

    /// Rejects values that make no sense.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`], or a refusal of the family or the optimiser.
    pub fn check(&self) -> Result<()> {
        self.family.check()?;
        self.optimizer.check()?;
        check_range("every", "positive", self.every as f64, self.every > 0)?;
        check_range("rest_at", "in (0, 1]", self.rest_at, self.rest_at > 0.0 && self.rest_at <= 1.0)?;
        let allowed = (1..=MOST_POINTS).contains(&self.batch);
        check_range("batch", "positive and at most 10¹²", self.batch as f64, allowed)?;
        check_range("ema_decay", "in [0, 1)", self.ema_decay, (0.0..1.0).contains(&self.ema_decay))?;
        let fall = self.least_fall;
        check_range("least_fall", "in [0, 1)", fall, (0.0..1.0).contains(&fall))?;
        let n = self.n_samples;
        let allowed = n == 0 || (2..=MOST_POINTS).contains(&n);
        check_range("n_samples", "0 or at least 2, and at most 10¹²", n as f64, allowed)
    }
}

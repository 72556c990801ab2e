//! What is measured after training, as configs say it.

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::images::{FidConfig, ImageEvaluationConfig};

/// What is measured after training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvaluationConfig {
    /// Held-out points whose log-density is measured.
    pub(crate) n_test: i64,
    /// Points that are integrated together.
    pub(crate) batch: i64,
    /// Points on each side of the two-sample tests between data and samples.
    #[serde(default = "default_two_sample")]
    pub(crate) n_two_sample: i64,
    /// How divergences are computed; exactly up to 256 dimensions without it, and by one probe above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) divergence: Option<DivergenceConfig>,
    /// What is measured and drawn of a flow of images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) images: Option<ImageEvaluationConfig>,
    /// How samples of images are compared with training images by the features of Inception.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fid: Option<FidConfig>,
    /// What others report on this experiment, by name, in nats.
    #[serde(default)]
    pub(crate) reference_nll: std::collections::BTreeMap<String, f64>,
}

/// How the divergence of the velocity is computed along a trajectory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum DivergenceConfig {
    /// Exactly, at the cost of one derivative for each dimension.
    Exact {},
    /// Hutchinson's estimate, averaged over trajectories with their own probes.
    Hutchinson {
        /// How many trajectories each point gets.
        n_probes: u32,
    },
}

/// The most dimensions in which divergences are exact unless the config says otherwise.
const EXACT_DIVERGENCE: i64 = 256;

impl EvaluationConfig {
    /// Rejects values that have the right type and no sense.
    pub(super) fn check(&self) -> Result<()> {
        let counts = [("n_test", self.n_test), ("batch", self.batch), ("n_two_sample", self.n_two_sample)];
        if let Some((key, value)) = counts.into_iter().find(|(_, value)| *value < 1) {
            bail!("evaluation.{key} must be at least 1, found: {value}");
        }
        if let Some(DivergenceConfig::Hutchinson { n_probes: 0 }) = self.divergence {
            bail!("evaluation.divergence.n_probes must be at least 1, found: 0");
        }
        if let Some(fid) = self.fid.as_ref().filter(|fid| fid.n_samples < 2) {
            bail!("evaluation.fid.n_samples must be at least 2, found: {}", fid.n_samples);
        }
        self.images().check().context("in [evaluation.images]")
    }

    /// How divergences are computed in `dim` dimensions.
    pub(crate) fn divergence(&self, dim: i64) -> DivergenceConfig {
        self.divergence.unwrap_or(if dim <= EXACT_DIVERGENCE {
            DivergenceConfig::Exact {}
        } else {
            DivergenceConfig::Hutchinson { n_probes: 1 }
        })
    }

    /// What is measured and drawn of a flow of images.
    pub(crate) fn images(&self) -> ImageEvaluationConfig {
        self.images.clone().unwrap_or_default()
    }
}

fn default_two_sample() -> i64 {
    1000
}

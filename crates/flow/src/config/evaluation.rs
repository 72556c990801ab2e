//! What is measured after training, as configs say it.

use interflow_train::MOST_POINTS;
use serde::{Deserialize, Serialize};

use super::images::{FidConfig, ImageEvaluationConfig};
use crate::divergence::DivergenceConfig;
use crate::error::{During as _, Result, refuse};

/// What is measured after training.
///
/// ```
/// use interflow_flow::config::EvaluationConfig;
///
/// let few = EvaluationConfig { n_test: 100, ..EvaluationConfig::default() };
/// assert!(few.check().is_ok());
/// assert!(EvaluationConfig { batch: 0, ..few }.check().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationConfig {
    /// How many held-out points have their log-density measured; 10 000 by default.
    pub n_test: i64,
    /// How many points are integrated together, in one batch; 2000 by default.
    pub batch: i64,
    /// How many points are on each side of the two-sample tests between data and samples; 1000 by default.
    #[serde(default = "default_two_sample")]
    pub n_two_sample: i64,
    /// How divergences are computed. Without it they are exact up to 256 dimensions and estimated by one probe above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divergence: Option<DivergenceConfig>,
    /// What is measured and drawn of a flow of images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<ImageEvaluationConfig>,
    /// How samples of images are compared with training images by the features of Inception.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fid: Option<FidConfig>,
    /// Whether figures are written as PDF files too, beside PNG and SVG.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pdf: bool,
    /// Negative log-likelihoods that others report on these data, in nats, by name: they are shown beside the
    /// measured one.
    #[serde(default)]
    pub reference_nll: std::collections::BTreeMap<String, f64>,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self {
            n_test: 10_000,
            batch: 2_000,
            n_two_sample: default_two_sample(),
            divergence: None,
            images: None,
            fid: None,
            pdf: false,
            reference_nll: std::collections::BTreeMap::new(),
        }
    }
}

impl EvaluationConfig {
    /// Rejects values that have the right type but make no sense, such as a batch of 0.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] naming the key.
    pub fn check(&self) -> Result<()> {
        let counts = [("n_test", self.n_test), ("batch", self.batch), ("n_two_sample", self.n_two_sample)];
        for (key, value) in counts {
            if !(1..=MOST_POINTS).contains(&value) {
                return refuse(format!("{key} must be at least 1 and at most 10¹², found: {value}"));
            }
        }
        if let Some(DivergenceConfig::Hutchinson { n_probes: 0 }) = self.divergence {
            return refuse("divergence.n_probes must be at least 1, found: 0");
        }
        if let Some(fid) = self.fid.as_ref().filter(|fid| !(2..=MOST_POINTS).contains(&fid.n_samples)) {
            return refuse(format!(
                "fid.n_samples must be at least 2 and at most 10¹², found: {}",
                fid.n_samples
            ));
        }
        self.images().check().during("in [evaluation.images]")
    }

    /// How divergences are computed in `dim` dimensions: as set, or the usual way.
    pub fn divergence(&self, dim: i64) -> DivergenceConfig {
        self.divergence.unwrap_or(DivergenceConfig::usual(dim))
    }

    /// What is measured and drawn of a flow of images: as set, or the defaults.
    pub fn images(&self) -> ImageEvaluationConfig {
        self.images.clone().unwrap_or_default()
    }
}

fn default_two_sample() -> i64 {
    1000
}

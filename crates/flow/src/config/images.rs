//! The settings of what is measured and drawn of a flow of images.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::{Result, refuse};

/// What is measured and drawn of a flow of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImageEvaluationConfig {
    /// The draws of dequantisation noise over which a test image's bits/dim are averaged.
    pub n_dequantise: u32,
    /// Images along one side of a sample sheet.
    pub side: u32,
    /// The network calls of the fixed solvers whose samples are shown beside the adaptive one's.
    pub nfe: Vec<u32>,
    /// The network calls of the samples that are drawn at each checkpoint; none are drawn for 0.
    pub progress_nfe: u32,
}

/// How samples are compared with the training images by the features of Inception.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FidConfig {
    /// Inception's weights, a safetensors file; nothing is compared without them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
    /// The reference's statistics, an .npz or safetensors file; those of the training images without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistics: Option<PathBuf>,
    /// How many samples are compared.
    pub n_samples: i64,
}

impl Default for FidConfig {
    fn default() -> Self {
        Self { weights: None, statistics: None, n_samples: 50_000 }
    }
}

impl Default for ImageEvaluationConfig {
    fn default() -> Self {
        Self { n_dequantise: 1, side: 8, nfe: vec![5, 10, 20, 50], progress_nfe: 20 }
    }
}

impl ImageEvaluationConfig {
    /// Rejects values that have the right type and make no sense.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] naming the key.
    pub fn check(&self) -> Result<()> {
        for (key, value) in [("n_dequantise", self.n_dequantise), ("side", self.side)] {
            if value < 1 {
                return refuse(format!("{key} must be at least 1, found: {value}"));
            }
        }
        if self.side > 4096 {
            return refuse(format!("side must be at most 4096, found: {}", self.side));
        }
        if self.nfe.contains(&0) {
            return refuse(format!("nfe must be at least 1 each, found: {:?}", self.nfe));
        }
        Ok(())
    }
}

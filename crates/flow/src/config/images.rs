//! The settings of what is measured and drawn of a flow of images.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::{Result, refuse};

/// What is measured and drawn of a flow of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImageEvaluationConfig {
    /// How many draws of the dequantisation noise a test image's bits/dim are averaged over; 1 by default.
    pub n_dequantise: u32,
    /// How many images are along one side of a square sheet of samples; 8 by default.
    pub side: u32,
    /// The NFE of the fixed-step solvers whose samples are shown beside those of the flow's own solver; 5, 10, 20 and
    /// 50 by default.
    pub nfe: Vec<u32>,
    /// The NFE of the samples that are drawn at each checkpoint, 20 by default; with 0 none are drawn.
    pub progress_nfe: u32,
}

/// How samples are compared with the training images by the features of the Inception network: the Fréchet distance
/// (FID) and the kernel distance (KID).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FidConfig {
    /// The file of Inception's weights, in safetensors format. Without it samples are not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
    /// The file of the reference's feature statistics, .npz or safetensors. Without it they are computed from the
    /// training images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistics: Option<PathBuf>,
    /// How many samples are compared; 50 000 by default.
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
    /// Rejects values that have the right type but make no sense, such as an NFE of 0.
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

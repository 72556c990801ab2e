//! How a network sees the time.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::{Error, Result};

/// An embedding of the time in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum TimeEmbedding {
    /// `2t − 1` alone.
    Identity {},
    /// `2t − 1` with `sin πkt` and `cos πkt` for k = 1 … `n_frequencies`.
    Fourier {
        /// How many frequencies.
        n_frequencies: i64,
    },
}

impl Default for TimeEmbedding {
    fn default() -> Self {
        Self::Fourier { n_frequencies: 8 }
    }
}

impl TimeEmbedding {
    /// How many features it has.
    pub fn n_features(self) -> i64 {
        match self {
            Self::Identity {} => 1,
            Self::Fourier { n_frequencies } => 1 + 2 * n_frequencies,
        }
    }

    /// Checks the number of frequencies.
    ///
    /// # Errors
    /// [`Error::Size`] if it is not positive.
    pub fn check(self) -> Result<()> {
        match self {
            Self::Fourier { n_frequencies } if n_frequencies < 1 => Err(Error::Size {
                name: "time_embedding n_frequencies",
                requirement: "positive",
                found: n_frequencies.to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// The features `[B, E]` of times `t`, `[B]`.
    pub fn embed(self, t: &Tensor) -> Tensor {
        let t = t.unsqueeze(1);
        let centred = &t * 2.0 - 1.0;
        match self {
            Self::Identity {} => centred,
            Self::Fourier { n_frequencies } => {
                let k = Tensor::arange_start(1, n_frequencies + 1, (t.kind(), t.device()));
                let phase = t * (k * PI);
                Tensor::cat(&[centred, phase.sin(), phase.cos()], 1)
            }
        }
    }
}

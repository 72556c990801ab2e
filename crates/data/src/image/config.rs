//! Which set of images, as configs name it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::cifar10::Cifar10;
use super::digits::digits;
use super::parts::ImageParts;
use crate::{Result, Split};

/// Images in a CIFAR-10 batch as published.
const CIFAR10_BATCH: usize = 10_000;

/// A set of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ImageSetConfig {
    /// CIFAR-10, 50 000 + 10 000 images of 3×32×32.
    Cifar10 {
        /// How many of the last training images are for validation.
        #[serde(default = "n_validation")]
        n_validation: i64,
    },
    /// 1797 handwritten digits of 1×8×8 with 17 levels; they are part of the program.
    Digits {
        /// The held-out shares.
        #[serde(default)]
        split: Split,
    },
}

fn n_validation() -> i64 {
    5000
}

impl ImageSetConfig {
    /// Reads the set from under the folder `data`.
    ///
    /// # Errors
    /// [`crate::Error::Missing`] if it is not there; other errors name the file that is damaged.
    pub fn load(&self, data: &Path) -> Result<ImageParts> {
        match self {
            Self::Cifar10 { n_validation } => {
                Cifar10 { n_batch: CIFAR10_BATCH, n_validation: *n_validation }.load(data)
            }
            Self::Digits { split } => ImageParts::split(&digits()?, *split),
        }
    }
}

//! Which set of images, as configs name it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cifar10::Cifar10;
use super::digits::digits;
use super::folder::Folder;
use super::idx::Idx;
use super::imagenet32::Imagenet32;
use super::parquet::ParquetImages;
use super::parts::ImageParts;
use crate::{Error, Result, Split};

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
    /// ImageNet downsampled to 3×32×32, 1 281 167 + 50 000 images.
    Imagenet32 {
        /// How many of the last training images are for validation.
        #[serde(default = "n_validation")]
        n_validation: i64,
    },
    /// A folder of pictures, cut and resized to squares of 3 channels.
    Folder {
        /// Relative to the data folder.
        path: PathBuf,
        /// Pixels along a square's side.
        side: u32,
        /// The held-out shares; the test share has no meaning where the folder has parts.
        #[serde(default)]
        split: Split,
    },
    /// Encoded pictures in a Parquet file or a folder of them, cut and resized as those of a folder.
    Parquet {
        /// Relative to the data folder.
        path: PathBuf,
        /// Pixels along a square's side.
        side: u32,
        /// The held-out shares; the test share has no meaning where there are files of a test part.
        #[serde(default)]
        split: Split,
    },
    /// A folder of IDX files, as those of MNIST.
    Idx {
        /// Relative to the data folder.
        path: PathBuf,
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

/// A side that images can have.
fn checked(side: u32) -> Result<u32> {
    let problem = format!("side must be in 1..=4096, found: {side}");
    if (1..=4096).contains(&side) { Ok(side) } else { Err(Error::Images { problem }) }
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
            Self::Imagenet32 { n_validation } => Imagenet32 { n_validation: *n_validation }.load(data),
            Self::Folder { path, side, split } => {
                Folder { path: path.clone(), side: checked(*side)?, split: *split }.load(data)
            }
            Self::Parquet { path, side, split } => {
                ParquetImages { path: path.clone(), side: checked(*side)?, split: *split }.load(data)
            }
            Self::Idx { path, n_validation } => {
                Idx { path: path.clone(), n_validation: *n_validation }.load(data)
            }
            Self::Digits { split } => ImageParts::split(&digits()?, *split),
        }
    }
}

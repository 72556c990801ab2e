//! A set of images, split into its parts.

use tch::Tensor;

use super::images::Images;
use crate::error::{Error, Result};
use crate::place_law::PlaceLaw;
use crate::split::Split;

/// The parts of a set of images, all of one shape.
#[derive(Debug, Clone)]
pub struct ImageParts {
    /// The training images.
    pub train: Images,
    /// The validation images, which watch training and are never trained on.
    pub validation: Images,
    /// The test images, for which results are reported.
    pub test: Images,
}

impl ImageParts {
    /// The same images with this law of the dequantisation noise.
    #[must_use]
    pub fn with_places(self, places: PlaceLaw) -> Self {
        Self {
            train: self.train.with_places(places),
            validation: self.validation.with_places(places),
            test: self.test.with_places(places),
        }
    }

    /// Training images, of which the last `n_validation` are for validation, beside a test set of its own.
    pub(super) fn with_test(known: &Images, n_validation: i64, test: Images) -> Result<Self> {
        if n_validation < 1 || n_validation >= known.n() {
            let problem = format!(
                "n_validation must be at least 1 and leave images for training, found: {n_validation} of {}",
                known.n()
            );
            return Err(Error::Images { problem });
        }
        let n_train = known.n() - n_validation;
        let (train, validation) = (known.part(0..n_train)?, known.part(n_train..known.n())?);
        Ok(Self { train, validation, test })
    }

    /// Training images, of which the validation share at random is held out, beside a test set of its own.
    pub(super) fn with_share(known: &Images, split: Split, test: Images) -> Result<Self> {
        let parts = split.parts(known.n())?;
        let train = Tensor::cat(&[parts.train, parts.test], 0);
        Ok(Self { train: chosen(known, &train)?, validation: chosen(known, &parts.validation)?, test })
    }

    /// One set of images, split at random.
    pub(super) fn split(all: &Images, split: Split) -> Result<Self> {
        let parts = split.parts(all.n())?;
        Ok(Self {
            train: chosen(all, &parts.train)?,
            validation: chosen(all, &parts.validation)?,
            test: chosen(all, &parts.test)?,
        })
    }
}

/// The images of these numbers, `[n]`.
fn chosen(images: &Images, numbers: &Tensor) -> Result<Images> {
    let read = |source| Error::Torch { operation: "read the split", source };
    images.chosen(&Vec::<i64>::try_from(numbers).map_err(read)?)
}

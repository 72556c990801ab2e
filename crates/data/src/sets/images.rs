//! Images as a data set.

use std::num::NonZeroUsize;
use std::path::Path;

use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source;
use interflow_core::{Given, Points, Space};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::image::{ImageParts, ImageSetConfig, ImageSource};
use crate::place_law::PlaceLaw;
use crate::prefetch::Prefetch;

/// One thread makes a quarter of a million of CIFAR-10's images a second, more than any network takes.
const WORKERS: NonZeroUsize = NonZeroUsize::MIN;
/// Batches that are made ahead.
const AHEAD: u64 = 4;

/// A set of images as a data set, as written in a config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImagesConfig {
    /// The set.
    pub source: ImageSetConfig,
    /// Whether half of the training images, chosen at random, are mirrored left to right.
    #[serde(default)]
    pub flip: bool,
    /// The law of the dequantisation noise.
    #[serde(default, skip_serializing_if = "PlaceLaw::is_uniform")]
    pub dequantise: PlaceLaw,
    /// Settings for the class as a condition of the flow; without it, there are no conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_conditional: Option<ClassConfig>,
}

/// How a flow learns to depend on the class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassConfig {
    /// The fraction of training images, in [0, 1), whose class is replaced by the number of classes, which stands for
    /// no class, so that samples can be guided by their class.
    #[serde(default)]
    pub dropout: f64,
}

impl ImagesConfig {
    /// The sets of images have cards of their own.
    pub(crate) const CARDS: &'static [&'static str] = &[];

    /// Images of this set, not flipped and without conditions.
    pub fn new(source: ImageSetConfig) -> Self {
        Self { source, flip: false, dequantise: PlaceLaw::default(), class_conditional: None }
    }

    /// Reads the set from below the folder `data`.
    ///
    /// # Errors
    /// [`Error::Images`] for a dropout outside of 0..1, [`Error::Place`] for a width out of range, or as [`ImageSetConfig::load`].
    pub fn load(&self, data: &Path) -> Result<ImageDataset> {
        if let Some(classes) = &self.class_conditional
            && !(0.0..1.0).contains(&classes.dropout)
        {
            let problem = format!("class_conditional.dropout must be in 0..1, found: {}", classes.dropout);
            return Err(Error::Images { problem });
        }
        self.dequantise.check()?;
        Ok(ImageDataset { parts: self.source.load(data)?.with_places(self.dequantise), config: self.clone() })
    }
}

/// A set of images, split. A point is a row of D = C·H·W dequantised values in [−1, 1), with the image's class as its
/// condition if the config says so.
#[derive(Debug)]
pub struct ImageDataset {
    parts: ImageParts,
    config: ImagesConfig,
}

impl ImageDataset {
    /// The training images as a source, augmented as the config says.
    fn augmented(&self) -> ImageSource {
        let source = ImageSource::new(self.parts.train.clone());
        let source = if self.config.flip { source.flipped() } else { source };
        match &self.config.class_conditional {
            Some(classes) => source.with_classes(classes.dropout),
            None => source,
        }
    }

    /// The validation images as a source, as they are.
    fn plain(&self) -> ImageSource {
        let source = ImageSource::new(self.parts.validation.clone());
        if self.config.class_conditional.is_some() { source.with_classes(0.0) } else { source }
    }
}

impl Dataset for ImageDataset {
    fn space(&self) -> Space {
        self.plain().space()
    }

    /// Batches are made ahead on a thread of their own.
    fn training(&self) -> Box<dyn Source> {
        match Prefetch::new(self.augmented(), WORKERS, AHEAD) {
            Ok(prefetch) => Box::new(prefetch),
            Err(error) => {
                tracing::warn!("batches are not made ahead: no thread for that: {error}");
                Box::new(self.augmented())
            }
        }
    }

    fn held_out(&self) -> Box<dyn Source> {
        Box::new(self.plain())
    }

    /// Each image's noise depends on `seed` and its number alone.
    fn test(&self, n: i64, seed: u64) -> Points {
        let test = &self.parts.test;
        let n = n.clamp(0, test.n());
        let x = test.quantisation().dequantise(&test.pixels(0, n), 0, &Stream::new(seed, Purpose::Test));
        let given = match self.config.class_conditional {
            Some(_) => Given::Class(Tensor::from_slice(&test.labels()[..n as usize])),
            None => Given::Nothing,
        };
        Points { x, given }
    }

    fn images(&self) -> Option<&ImageParts> {
        Some(&self.parts)
    }
}

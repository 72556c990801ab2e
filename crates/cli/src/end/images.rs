//! Sets of images as ends of a flow.

use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::{Context, Result, bail};
use interflow_core::rng::Stream;
use interflow_core::source::Source;
use interflow_data::{ImageParts, ImageSource, Prefetch, dequantise};
use tch::{Kind, Tensor};

use crate::config::ImagesConfig;

/// One thread makes a quarter of a million of CIFAR-10's images a second, more than any network takes.
const WORKERS: NonZeroUsize = NonZeroUsize::MIN;
/// Batches that are made ahead.
const AHEAD: u64 = 4;

/// A set of images and how training sees it. A point is a row of dequantised values in [−1, 1), behind its class
/// where the flow is conditional on that.
pub(crate) struct ImageEnd {
    parts: ImageParts,
    config: ImagesConfig,
}

impl ImageEnd {
    /// Reads the set.
    pub(super) fn load(config: &ImagesConfig, data: &Path) -> Result<Self> {
        if let Some(classes) = &config.class_conditional
            && !(0.0..1.0).contains(&classes.dropout)
        {
            bail!("class_conditional.dropout must be in 0..1, found: {}", classes.dropout);
        }
        let parts = config.source.load(data).context("in kind = \"images\"")?;
        Ok(Self { parts, config: config.clone() })
    }

    /// The set.
    pub(super) fn parts(&self) -> &ImageParts {
        &self.parts
    }

    pub(super) fn n_given(&self) -> i64 {
        self.config.n_given()
    }

    pub(super) fn dim(&self) -> i64 {
        self.n_given() + self.parts.train.shape().dim()
    }

    /// Training images, augmented, made ahead on a thread of their own.
    pub(super) fn training(&self) -> Box<dyn Source> {
        let source = || {
            let source = ImageSource::new(self.parts.train.clone());
            let source = if self.config.flip { source.flipped() } else { source };
            match &self.config.class_conditional {
                Some(classes) => source.with_classes(classes.dropout),
                None => source,
            }
        };
        match Prefetch::new(source(), WORKERS, AHEAD) {
            Ok(prefetch) => Box::new(prefetch),
            Err(error) => {
                tracing::warn!("batches are not made ahead: no thread for that: {error}");
                Box::new(source())
            }
        }
    }

    /// Validation images as they are.
    pub(super) fn held_out(&self) -> Box<dyn Source> {
        let source = ImageSource::new(self.parts.validation.clone());
        Box::new(if self.n_given() > 0 { source.with_classes(0.0) } else { source })
    }

    /// The first `n` test images, or all; each one's noise depends on its number alone.
    pub(super) fn test_points(&self, n: i64, stream: &Stream) -> Tensor {
        let test = &self.parts.test;
        let n = n.min(test.n());
        let points = dequantise(&test.pixels(0, n), test.n_levels(), 0, stream);
        if self.n_given() == 0 {
            return points;
        }
        let classes = Tensor::from_slice(&test.labels()[..n as usize]).to_kind(Kind::Float).view([n, 1]);
        Tensor::cat(&[classes, points], 1)
    }
}

//! Decoded images in a cache: pixels as the body, which is mapped, shape and labels as the head.

use std::path::{Path, PathBuf};

use tch::{Device, Kind, Tensor};

use super::images::{Facts, Images};
use super::shape::ImageShape;
use crate::cache::{Cache, Found, Writer};
use crate::error::{Error, Result, content};

/// A set of images to be read from files once.
pub(super) struct Store<'a> {
    /// Where its cache would like to lie.
    pub(super) file: &'a Path,
    /// What it is read from.
    pub(super) sources: &'a [PathBuf],
    /// What decides on the outcome beside the sources: the reader and its settings.
    pub(super) reading: &'a str,
    pub(super) shape: ImageShape,
}

/// Where decoded images go, one after the other.
pub(super) struct ImageWriter {
    writer: Writer,
    dim: usize,
    labels: Vec<i64>,
}

impl ImageWriter {
    /// Appends an image of as many values as the store's shape has.
    pub(super) fn push(&mut self, pixels: &[u8], label: i64) -> Result<()> {
        if pixels.len() != self.dim {
            let problem = format!("expected images of {} values, found: {}", self.dim, pixels.len());
            return Err(Error::Images { problem });
        }
        self.labels.push(label);
        let path = self.writer.path().to_owned();
        self.writer.write(pixels).map_err(|source| Error::Io { action: "write", path, source })
    }
}

impl Store<'_> {
    /// The images of the cache, which `read` fills if it has to be made. `n_classes` is one more than the largest
    /// label without it.
    pub(super) fn load(
        &self,
        n_classes: Option<i64>,
        read: impl FnOnce(&mut ImageWriter) -> Result<()>,
    ) -> Result<Images> {
        let reading = format!("images {} {}", self.shape, self.reading);
        let cache = Cache::new(self.file, self.sources, &reading).map_err(|(path, source)| Error::Io {
            action: "read",
            path,
            source,
        })?;
        let found = match cache.find() {
            Some(found) => found,
            None => self.make(&cache, read)?,
        };
        self.open(&found, n_classes)
    }

    fn make(&self, cache: &Cache, read: impl FnOnce(&mut ImageWriter) -> Result<()>) -> Result<Found> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::Io { action: "write the cache", path, source }
        };
        let writer = cache.create_or_temporary().map_err(failed(self.file))?;
        let path = writer.path().to_owned();
        tracing::info!("decoding images once, into {}", path.display());
        let mut images = ImageWriter { writer, dim: self.shape.dim() as usize, labels: Vec::new() };
        read(&mut images)?;
        if images.labels.is_empty() {
            return Err(content(self.file.parent().unwrap_or(self.file), "there are no images".to_owned()));
        }
        let head = images.labels.iter().flat_map(|label| label.to_le_bytes()).collect();
        images.writer.finish(head).map_err(failed(&path))
    }

    /// Maps the cache.
    fn open(&self, found: &Found, n_classes: Option<i64>) -> Result<Images> {
        let (labels, _) = found.head.as_chunks::<8>();
        let labels: Vec<i64> = labels.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect();
        let path = found.path.to_str().ok_or_else(|| {
            content(&found.path, "a cache can only be mapped below a path of Unicode letters".to_owned())
        })?;
        let map = |source| Error::Torch { operation: "map a cache of images", source };
        let file = Tensor::f_from_file(path, false, found.body.end as i64, (Kind::Uint8, Device::Cpu));
        let length = (found.body.end - found.body.start) as i64;
        let pixels = file.map_err(map)?.f_narrow(0, found.body.start as i64, length).map_err(map)?;
        let pixels = pixels.f_view([labels.len() as i64, self.shape.dim()]).map_err(map)?;
        let n_classes = n_classes.unwrap_or_else(|| labels.iter().max().map_or(1, |label| label + 1));
        Images::assemble(Facts { shape: self.shape, n_levels: 256, n_classes }, &pixels, labels)
    }
}

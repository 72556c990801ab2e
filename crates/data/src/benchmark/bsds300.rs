//! BSDS300: patches of natural photographs.
//!
//! 8×8 grey patches; uniform noise of one grey level; division by 256; the patch's mean is subtracted, and its last
//! pixel, which the others then determine, dropped. The published archive holds such patches already; they can also be
//! cut from the photographs. Training patches are from the folder `train` but for its last
//! tenth of images, which is for validation; test patches are from the folder `test`.

use std::fs;
use std::path::{Path, PathBuf};

use interflow_core::rng::{Purpose, Stream};
use tch::{Kind, Tensor};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::{Benchmark, Sizes, locate};
use crate::{Error, Result};

/// Pixels along a patch's side.
const SIDE: usize = 8;
const N_PIXELS: usize = SIDE * SIDE;

/// Grey levels of a pixel.
const LEVELS: f64 = 256.0;

/// Patches that are cut at once.
const BLOCK: i64 = 50_000;

/// The published draw's seed is unknown; ours is fixed, so that every run has the same test set.
const SEED: u64 = 42;

/// Patches from folders of photographs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bsds300 {
    /// How many patches are drawn for each part; 63 columns.
    pub sizes: Sizes,
    /// How many photographs there must be for training with validation, and for testing.
    pub n_images: [usize; 2],
}

impl Bsds300 {
    /// The benchmark's sizes.
    pub const PUBLISHED: Self = Self {
        sizes: Sizes { train: 1_000_000, validation: 50_000, test: 250_000, dim: N_PIXELS as i64 - 1 },
        n_images: [200, 100],
    };

    /// Reads the patches of `bsds300/BSDS300.hdf5` below the folder `data` or, where that is not there, cuts patches
    /// from `bsds300/images/{train,test}/*.jpg`.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Incomplete`] for another number of images, [`Error::Content`] for a file that
    /// cannot be read, [`Error::Sizes`] for other numbers of patches.
    pub fn load(&self, data: &Path) -> Result<Benchmark> {
        let path = data.join("bsds300/BSDS300.hdf5");
        if path.exists() { self.published(&path) } else { self.cut(data) }
    }

    fn published(&self, path: &Path) -> Result<Benchmark> {
        let refuse =
            |error: hdf5_pure::Error| Error::Content { path: path.into(), problem: error.to_string() };
        let file = hdf5_pure::File::open_streaming(path).map_err(refuse)?;
        let part = |name: &str| -> Result<Tensor> {
            let part = file.dataset(name).map_err(refuse)?;
            let values = part.read_f64().map_err(refuse)?.into_iter().map(|value| value as f32);
            let values = Tensor::from_slice(&values.collect::<Vec<f32>>());
            match part.shape().map_err(refuse)?[..] {
                [n, dim] => Ok(values.view([n as i64, dim as i64])),
                ref shape => {
                    let problem = format!("expected patches [N, D] in {name}, found: {shape:?}");
                    Err(Error::Content { path: path.into(), problem })
                }
            }
        };
        let parts = Benchmark { train: part("train")?, validation: part("validation")?, test: part("test")? };
        parts.checked("bsds300", path, self.sizes)
    }

    fn cut(&self, data: &Path) -> Result<Benchmark> {
        let known = images(&locate(data, "bsds300", &["bsds300/images/train"])?, self.n_images[0])?;
        let test = images(&locate(data, "bsds300", &["bsds300/images/test"])?, self.n_images[1])?;
        let (train, validation) = known.split_at(known.len() - known.len().div_ceil(10));
        let patches = |images, n, part| patches(images, n, part);
        let [train, validation, test] = [
            patches(train, self.sizes.train, 0),
            patches(validation, self.sizes.validation, 1),
            patches(&test, self.sizes.test, 2),
        ];
        let parts = Benchmark { train, validation, test };
        parts.checked("bsds300", &data.join("bsds300"), self.sizes)
    }
}

/// A grey photograph.
struct Image {
    width: usize,
    height: usize,
    /// Grey levels, row after row.
    pixels: Vec<u8>,
}

/// The photographs of a folder in the order of their names.
fn images(folder: &Path, n: usize) -> Result<Vec<Image>> {
    let unreadable = |source| Error::Io { action: "read", path: folder.into(), source };
    let entries = fs::read_dir(folder).map_err(unreadable)?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>();
    let mut paths = paths.map_err(unreadable)?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "jpg"));
    if paths.len() != n {
        let found = paths.len();
        return Err(Error::Incomplete { name: "bsds300", path: folder.into(), expected: n, found });
    }
    paths.sort();
    paths.iter().map(|path| image(path)).collect()
}

/// A photograph's luma, which is 0.299 R + 0.587 G + 0.114 B.
fn image(path: &Path) -> Result<Image> {
    let bytes = fs::read(path).map_err(|source| Error::Io { action: "read", path: path.into(), source })?;
    let refuse = |problem: String| Error::Content { path: path.into(), problem };
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma).set_strict_mode(true);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let pixels = decoder.decode().map_err(|error| refuse(format!("not a whole JPEG file: {error}")))?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    if width < SIDE || height < SIDE || pixels.len() != width * height {
        return Err(refuse(format!("expected at least {SIDE}×{SIDE} pixels, found: {width}×{height}")));
    }
    Ok(Image { width, height, pixels })
}

/// `n` patches `[n, 63]` of images drawn uniformly, at places drawn uniformly.
fn patches(images: &[Image], n: i64, part: u64) -> Tensor {
    let block = |first: i64| {
        let index = (part << 32) + (first / BLOCK) as u64;
        prepared(&cut(images, BLOCK.min(n - first), index), index)
    };
    let blocks: Vec<Tensor> = (0..n).step_by(BLOCK as usize).map(block).collect();
    Tensor::cat(&blocks, 0)
}

/// `n` raw patches, `[n, 64]`.
fn cut(images: &[Image], n: i64, index: u64) -> Tensor {
    let mut draw = Stream::new(SEED, Purpose::Shuffle).at(index);
    // The modulo's bias is below 2⁻⁵⁰.
    let mut below = |n: usize| (draw.bits() % n as u64) as usize;
    let mut values = Vec::with_capacity(n as usize * N_PIXELS);
    for _ in 0..n {
        let image = &images[below(images.len())];
        let (top, left) = (below(image.height - SIDE + 1), below(image.width - SIDE + 1));
        for row in top..top + SIDE {
            let start = row * image.width + left;
            values.extend_from_slice(&image.pixels[start..start + SIDE]);
        }
    }
    Tensor::from_slice(&values).view([n, N_PIXELS as i64])
}

/// Noise, scale, mean, last pixel: `[n, 64]` grey levels become `[n, 63]` numbers.
fn prepared(raw: &Tensor, index: u64) -> Tensor {
    let noise = Stream::new(SEED, Purpose::Dequantise).at(index).uniform(&raw.size(), Kind::Float);
    let scaled = (raw.to_kind(Kind::Float) + noise) / LEVELS;
    let centred = &scaled - scaled.mean_dim(1i64, true, Kind::Float);
    centred.narrow(1, 0, N_PIXELS as i64 - 1).contiguous()
}

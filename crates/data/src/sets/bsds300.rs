//! BSDS300: patches of natural photographs.
//!
//! 8×8 grey patches; uniform noise of one grey level; division by 256; the patch's mean is subtracted, and its last
//! pixel, which the others then determine, dropped. The published archive holds such patches already; they can also be
//! cut from the photographs. Training patches are from the folder `train` but for its last
//! tenth of images, which is for validation; test patches are from the folder `test`.

use std::fs;
use std::path::{Path, PathBuf};

use interflow_core::rng::{Purpose, Stream};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::benchmark::{Benchmark, check, locate};
use crate::decode::{self, Grey};
use crate::error::{Error, Result, content, unreadable};
use crate::hidden::is_hidden;
use crate::sizes::Sizes;
use crate::table_dataset::TableDataset;

/// Pixels along a patch's side.
const SIDE: usize = 8;
const N_PIXELS: usize = SIDE * SIDE;

/// Grey levels of a pixel.
const LEVELS: f64 = 256.0;

/// Patches that are cut at once.
const BLOCK: i64 = 50_000;

/// The published draw's seed is unknown; ours is fixed, so that every run has the same test set.
const SEED: u64 = 42;

/// The published patches, or patches from folders of photographs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bsds300 {
    /// Whether the flow sees whitened rows, of mean 0 and covariance I. Results are for the rows before whitening.
    #[serde(default)]
    pub whiten: bool,
    /// The numbers of photographs and patches. Configs always have the published ones.
    #[serde(skip, default = "published_extent")]
    pub extent: Bsds300Extent,
}

/// The numbers of photographs and patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bsds300Extent {
    /// The number of patches of each part; a patch has 63 columns.
    pub sizes: Sizes,
    /// The required number of photographs for training with validation, and for testing.
    pub n_images: [usize; 2],
}

impl Bsds300 {
    /// The published patches, not whitened.
    pub const PUBLISHED: Self = Self {
        whiten: false,
        extent: Bsds300Extent {
            sizes: Sizes { train: 1_000_000, validation: 50_000, test: 250_000, dim: N_PIXELS as i64 - 1 },
            n_images: [200, 100],
        },
    };

    /// The card of the published files.
    pub(crate) const CARDS: &'static [&'static str] = &[include_str!("../../catalogue/bsds300.toml")];

    /// Reads the parts as [`Bsds300::parts`] and makes a data set of them.
    ///
    /// # Errors
    /// As [`Bsds300::parts`], and [`Error::Rows`] for rows that cannot be whitened.
    pub fn load(&self, data: &Path) -> Result<TableDataset> {
        let parts = self.parts(data)?;
        if self.whiten { parts.whitened() } else { parts.dataset() }
    }

    /// Reads the patches of `bsds300/BSDS300.hdf5` below the folder `data` or, where that is not there, cuts patches
    /// from `bsds300/images/{train,test}/*.jpg`.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Incomplete`] for another number of images, [`Error::Content`] for a file that
    /// cannot be read, [`Error::Sizes`] for other numbers of patches.
    pub fn parts(&self, data: &Path) -> Result<Benchmark> {
        let path = data.join("bsds300/BSDS300.hdf5");
        if path.exists() { self.published(&path) } else { self.cut(data) }
    }

    fn published(&self, path: &Path) -> Result<Benchmark> {
        let check = |[train, validation, test]: [[i64; 2]; 3]| {
            let dim = if train[1] == validation[1] { test[1] } else { train[1] };
            let found = Sizes { train: train[0], validation: validation[0], test: test[0], dim };
            check("bsds300", path, [self.extent.sizes, found])
        };
        let [train, validation, test] = decode::arrays(path, ["train", "validation", "test"], check)?;
        let parts = Benchmark { train, validation, test };
        parts.checked("bsds300", path, self.extent.sizes)
    }

    fn cut(&self, data: &Path) -> Result<Benchmark> {
        let known = images(&locate(data, "bsds300", &["bsds300/images/train"])?, self.extent.n_images[0])?;
        let test = images(&locate(data, "bsds300", &["bsds300/images/test"])?, self.extent.n_images[1])?;
        let (train, validation) = known.split_at(known.len() - known.len().div_ceil(10));
        let patches = |images, n, part| patches(images, n, part);
        let [train, validation, test] = [
            patches(train, self.extent.sizes.train, 0),
            patches(validation, self.extent.sizes.validation, 1),
            patches(&test, self.extent.sizes.test, 2),
        ];
        let parts = Benchmark { train, validation, test };
        parts.checked("bsds300", &data.join("bsds300"), self.extent.sizes)
    }
}

fn published_extent() -> Bsds300Extent {
    Bsds300::PUBLISHED.extent
}

/// The photographs of a folder in the order of their names.
fn images(folder: &Path, n: usize) -> Result<Vec<Grey>> {
    let entries = fs::read_dir(folder).map_err(unreadable(folder))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>();
    let mut paths = paths.map_err(unreadable(folder))?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "jpg") && !is_hidden(path));
    if paths.len() != n {
        let found = paths.len();
        return Err(Error::Incomplete { name: "bsds300", path: folder.into(), expected: n, found });
    }
    paths.sort();
    paths.iter().map(|path| image(path)).collect()
}

/// A photograph in grey levels, large enough for a patch.
fn image(path: &Path) -> Result<Grey> {
    let bytes = fs::read(path).map_err(unreadable(path))?;
    let image = decode::grey(&bytes).map_err(|problem| content(path, problem))?;
    let (width, height) = (image.width, image.height);
    if width < SIDE || height < SIDE || image.pixels.len() != width * height {
        let problem = format!("expected at least {SIDE}×{SIDE} pixels, found: {width}×{height}");
        return Err(content(path, problem));
    }
    Ok(image)
}

/// `n` patches `[n, 63]` of images drawn uniformly, at places drawn uniformly.
fn patches(images: &[Grey], n: i64, part: u64) -> Tensor {
    let block = |first: i64| {
        let index = (part << 32) + (first / BLOCK) as u64;
        prepared(&cut(images, BLOCK.min(n - first), index), index)
    };
    let blocks: Vec<Tensor> = (0..n).step_by(BLOCK as usize).map(block).collect();
    Tensor::cat(&blocks, 0)
}

/// `n` raw patches, `[n, 64]`.
fn cut(images: &[Grey], n: i64, index: u64) -> Tensor {
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

//! ImageNet downsampled to 32×32 pixels, from its archives of arrays.
//!
//! An archive holds `data`, bytes `[N, 3072]` in channel, row, column order, and `labels`, integers `[N]` from 1.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::images::Images;
use super::parts::ImageParts;
use super::shape::ImageShape;
use super::store::{ImageWriter, Store};
use crate::error::{Error, Result, content};
use crate::npz;

const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
const N_CLASSES: i64 = 1000;
const N_BATCHES: usize = 10;
const TEST: &str = "val_data.npz";
/// Images as published, for training and for validation, which is the test set here.
const PUBLISHED: [i64; 2] = [1_281_167, 50_000];

/// The published archives of downsampled ImageNet, or some of the same layout with any number of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imagenet32 {
    /// The number of training images, the last ones, that are used for validation.
    #[serde(default = "n_validation")]
    pub n_validation: i64,
}

impl Imagenet32 {
    /// The card of the published files.
    pub(crate) const CARDS: &'static [&'static str] = &[include_str!("../../catalogue/imagenet32.toml")];

    /// Reads `imagenet32/train_data_batch_{1..10}.npz` and `imagenet32/val_data.npz` below the folder `data`. The
    /// latter is the test set.
    ///
    /// # Errors
    /// [`Error::Missing`] if a file is missing, [`Error::Content`] for a damaged archive or an invalid label,
    /// [`Error::Images`] for an impossible `n_validation`.
    pub fn load(&self, data: &Path) -> Result<ImageParts> {
        let folder = data.join("imagenet32");
        let batches = (1..=N_BATCHES).map(|number| folder.join(format!("train_data_batch_{number}.npz")));
        let train = images(&folder, "train", &batches.collect::<Vec<_>>())?;
        let test = images(&folder, "test", &[folder.join(TEST)])?;
        let found = [train.n(), test.n()];
        if found != PUBLISHED {
            tracing::warn!(
                "{}: not the published ImageNet-32 of {} + {} images, found: {} + {}",
                folder.display(),
                PUBLISHED[0],
                PUBLISHED[1],
                found[0],
                found[1]
            );
        }
        ImageParts::with_test(&train, self.n_validation, test)
    }
}

fn n_validation() -> i64 {
    5000
}

fn images(folder: &Path, part: &str, sources: &[PathBuf]) -> Result<Images> {
    if let Some(path) = sources.iter().find(|path| !path.is_file()) {
        let pickled = path.with_extension("");
        if pickled.is_file() {
            let problem = "pickles are programs, which are not run here\n\
                           hint: get the set as npz; `cargo xtask data imagenet32` says where";
            return Err(content(&pickled, problem.to_owned()));
        }
        return Err(Error::Missing { name: "imagenet32", path: path.clone() });
    }
    let store = Store {
        file: &folder.join(format!("{part}.interflow-cache")),
        sources,
        reading: "imagenet32",
        shape: SHAPE,
    };
    store.load(Some(N_CLASSES), |images| sources.iter().try_for_each(|path| archive(path, images)))
}

/// Reads one archive.
fn archive(path: &Path, images: &mut ImageWriter) -> Result<()> {
    npz::labelled_images(path, SHAPE.dim() as usize, |number, image, label| {
        images.push(image, class(label).ok_or_else(|| wrong(path, number, label))?)
    })
}

/// The class 0..1000 of a published label.
fn class(label: f64) -> Option<i64> {
    let class = label as i64 - 1;
    ((0..N_CLASSES).contains(&class) && label.fract() == 0.0).then_some(class)
}

fn wrong(path: &Path, image: usize, label: f64) -> Error {
    content(path, format!("image {image}: expected a label in 1..={N_CLASSES}, found: {label}"))
}

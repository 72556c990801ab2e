//! CIFAR-10 from its binary batches.
//!
//! A record is the label's byte and 3 × 32 × 32 bytes in channel, row, column order; a batch has 10 000 records.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::images::Images;
use super::parts::ImageParts;
use super::shape::ImageShape;
use super::store::{ImageWriter, Store};
use crate::error::{Error, Result, content, unreadable};

const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
const N_CLASSES: i64 = 10;
const RECORD: usize = 1 + SHAPE.dim() as usize;
const TRAIN: [&str; 5] =
    ["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"];
const TEST: &str = "test_batch.bin";
/// Where the batches may lie below the data folder.
const FOLDERS: [&str; 2] = ["cifar10/cifar-10-batches-bin", "cifar-10-batches-bin"];
/// The folder of another form of the set.
const PICKLED: [&str; 2] = ["cifar10/cifar-10-batches-py", "cifar-10-batches-py"];

/// CIFAR-10 from its published batches, or from files of the same layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cifar10 {
    /// The number of images in a batch. A file with another number is refused. Configs always have the published
    /// number.
    #[serde(skip, default = "n_batch")]
    pub n_batch: usize,
    /// The number of training images, the last ones, that are used for validation.
    #[serde(default = "n_validation")]
    pub n_validation: i64,
}

impl Cifar10 {
    /// The published batches, with 5000 images for validation.
    pub const PUBLISHED: Self = Self { n_batch: 10_000, n_validation: 5000 };

    /// The card of the published files.
    pub(crate) const CARDS: &'static [&'static str] = &[include_str!("../../catalogue/cifar10.toml")];

    /// Reads the batches from under the folder `data`; the test batch is the test set.
    ///
    /// # Errors
    /// [`Error::Missing`] if a file is missing, [`Error::Content`] for a batch of another size or an invalid label,
    /// [`Error::Images`] for an impossible `n_validation`.
    pub fn load(&self, data: &Path) -> Result<ImageParts> {
        let folder = folder(data)?;
        let train = self.images(&folder, "train", &TRAIN)?;
        let test = self.images(&folder, "test", &[TEST])?;
        ImageParts::with_test(&train, self.n_validation, test)
    }

    fn images(&self, folder: &Path, part: &str, batches: &[&str]) -> Result<Images> {
        let sources: Vec<PathBuf> = batches.iter().map(|batch| folder.join(batch)).collect();
        if let Some(path) = sources.iter().find(|path| !path.is_file()) {
            return Err(Error::Missing { name: "cifar10", path: path.clone() });
        }
        let store = Store {
            file: &folder.join(format!("{part}.interflow-cache")),
            sources: &sources,
            reading: "cifar10",
            shape: SHAPE,
        };
        store.load(Some(N_CLASSES), |images| sources.iter().try_for_each(|path| self.batch(path, images)))
    }

    fn batch(&self, path: &Path, images: &mut ImageWriter) -> Result<()> {
        let bytes = std::fs::read(path).map_err(unreadable(path))?;
        if bytes.len() != self.n_batch * RECORD {
            let problem = format!(
                "expected {} images of {RECORD} bytes, found: {} bytes\nhint: the file is cut or another one; \
                 `cargo xtask data cifar10` says where to get it",
                self.n_batch,
                bytes.len()
            );
            return Err(content(path, problem));
        }
        for (number, record) in bytes.chunks_exact(RECORD).enumerate() {
            let label = i64::from(record[0]);
            if label >= N_CLASSES {
                let problem = format!("image {number}: expected a label below {N_CLASSES}, found: {label}");
                return Err(content(path, problem));
            }
            images.push(&record[1..], label)?;
        }
        Ok(())
    }
}

fn n_batch() -> usize {
    Cifar10::PUBLISHED.n_batch
}

fn n_validation() -> i64 {
    Cifar10::PUBLISHED.n_validation
}

fn folder(data: &Path) -> Result<PathBuf> {
    let folders = FOLDERS.map(|folder| data.join(folder));
    if let Some(found) = folders.iter().find(|folder| folder.join(TEST).is_file()) {
        return Ok(found.clone());
    }
    if let Some(pickled) = PICKLED.map(|folder| data.join(folder)).into_iter().find(|folder| folder.is_dir())
    {
        let problem = "pickles are programs, which are not run here\n\
                       hint: get the set's binary version, cifar-10-binary.tar.gz; `cargo xtask data cifar10` says where";
        return Err(content(&pickled, problem.to_owned()));
    }
    Err(Error::Missing { name: "cifar10", path: folders[0].join(TEST) })
}

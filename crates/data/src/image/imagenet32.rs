//! ImageNet downsampled to 32×32 pixels, from its archives of arrays.
//!
//! An archive holds `data`, bytes `[N, 3072]` in channel, row, column order, and `labels`, integers `[N]` from 1.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::store::{ImageWriter, Store};
use super::{ImageParts, ImageShape, Images};
use crate::table::{content, npy_values, unreadable};
use crate::{Error, Result};

const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
const N_CLASSES: i64 = 1000;
const N_BATCHES: usize = 10;
const TEST: &str = "val_data.npz";
/// Images as published, for training and for validation, which is the test set here.
const PUBLISHED: [i64; 2] = [1_281_167, 50_000];
/// Images that are read at once.
const BLOCK: usize = 256;

/// The published archives of downsampled ImageNet, or some of the same layout with any number of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imagenet32 {
    /// How many of the last training images are for validation.
    pub n_validation: i64,
}

impl Imagenet32 {
    /// Reads `imagenet32/train_data_batch_{1..10}.npz` and `imagenet32/val_data.npz` below the folder `data`; the
    /// latter is the test set.
    ///
    /// # Errors
    /// [`Error::Missing`] if they are not there, [`Error::Content`] for a damaged archive or a label that is none,
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
    let file = BufReader::new(File::open(path).map_err(unreadable(path))?);
    let damaged = |problem: String| content(path, format!("not a whole npz archive: {problem}"));
    let mut archive = ZipArchive::new(file).map_err(|error| damaged(error.to_string()))?;
    let labels = {
        let member = archive.by_name("labels.npy").map_err(|error| damaged(format!("labels: {error}")))?;
        let npy = npyz::NpyFile::new(member).map_err(|error| damaged(format!("labels: {error}")))?;
        npy_values(npy, path)?
    };
    let mut member = archive.by_name("data.npy").map_err(|error| damaged(format!("data: {error}")))?;
    let failed = |error: io::Error| damaged(format!("data: {error}"));
    let header = npyz::NpyHeader::from_reader(&mut member).map_err(failed)?;
    let kind = header.dtype().descr();
    let plain = header.order() == npyz::Order::C && kind.trim_matches('\'') == "|u1";
    let (expected, found) = ([labels.len() as u64, SHAPE.dim() as u64], header.shape());
    if !plain || found != expected {
        let problem = format!("expected data of bytes {expected:?} like the labels, found: {kind} {found:?}");
        return Err(content(path, problem));
    }
    let mut block = vec![0; BLOCK * SHAPE.dim() as usize];
    for (number, labels) in labels.chunks(BLOCK).enumerate() {
        let block = &mut block[..labels.len() * SHAPE.dim() as usize];
        member.read_exact(block).map_err(failed)?;
        for (offset, (image, label)) in block.chunks_exact(SHAPE.dim() as usize).zip(labels).enumerate() {
            images.push(image, class(*label).ok_or_else(|| wrong(path, number * BLOCK + offset, *label))?)?;
        }
    }
    // The archive's checksum is compared at the member's end only.
    match member.read(&mut [0]).map_err(failed)? {
        0 => Ok(()),
        _ => Err(damaged("data goes on after its last image".to_owned())),
    }
}

/// The class 0..1000 of a published label.
fn class(label: f64) -> Option<i64> {
    let class = label as i64 - 1;
    ((0..N_CLASSES).contains(&class) && label.fract() == 0.0).then_some(class)
}

fn wrong(path: &Path, image: usize, label: f64) -> Error {
    content(path, format!("image {image}: expected a label in 1..={N_CLASSES}, found: {label}"))
}

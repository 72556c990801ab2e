//! Sets in the IDX format of MNIST: `train` and `t10k` files of images and of labels, plain or compressed by gzip.
//!
//! A file is `0, 0, 8 (bytes), number of axes`, each axis as four bytes with the highest first, then the bytes.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use serde::{Deserialize, Serialize};

use super::images::Images;
use super::parts::ImageParts;
use super::shape::ImageShape;
use super::store::Store;
use crate::error::{Error, Result, content, unreadable};

/// The folder with the four files of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Idx {
    /// The path of the folder, relative to the data folder.
    pub path: PathBuf,
    /// The number of training images, the last ones, that are used for validation.
    #[serde(default = "n_validation")]
    pub n_validation: i64,
}

impl Idx {
    /// The cards of published sets in this format.
    pub(crate) const CARDS: &'static [&'static str] = &[include_str!("../../catalogue/fashion-mnist.toml")];

    /// Reads `{train,t10k}-{images-idx3,labels-idx1}-ubyte`, with `.gz` or without. The files `t10k` are the test
    /// set.
    ///
    /// # Errors
    /// [`Error::Images`] if a file is missing or `n_validation` is impossible, [`Error::Content`] for a damaged file.
    pub fn load(&self, data: &Path) -> Result<ImageParts> {
        let folder = data.join(&self.path);
        ImageParts::with_test(&images(&folder, "train")?, self.n_validation, images(&folder, "t10k")?)
    }
}

fn n_validation() -> i64 {
    5000
}

fn images(folder: &Path, part: &str) -> Result<Images> {
    let sources = [
        locate(folder, &format!("{part}-images-idx3-ubyte"))?,
        locate(folder, &format!("{part}-labels-idx1-ubyte"))?,
    ];
    let [height, width] = match axes(&sources[0])?.1[..] {
        [_, height, width] if u64::from(height) * u64::from(width) < 1 << 40 => {
            [height, width].map(i64::from)
        }
        ref axes => return Err(content(&sources[0], format!("expected axes [N, H, W], found: {axes:?}"))),
    };
    let store = Store {
        file: &folder.join(format!("{part}.interflow-cache")),
        sources: &sources,
        reading: "idx",
        shape: ImageShape { channels: 1, height, width },
    };
    store.load(None, |images| {
        let (pixels, labels) = (bytes(&sources[0])?, bytes(&sources[1])?);
        let dim = (height * width) as usize;
        if dim == 0 || pixels.len() != labels.len() * dim {
            let problem = format!("expected one label for each of {} images", pixels.len() / dim.max(1));
            return Err(content(&sources[1], format!("{problem}, found: {}", labels.len())));
        }
        pixels
            .chunks_exact(dim)
            .zip(labels)
            .try_for_each(|(image, label)| images.push(image, i64::from(label)))
    })
}

fn locate(folder: &Path, name: &str) -> Result<PathBuf> {
    let plain = folder.join(name);
    let found = [plain.clone(), folder.join(format!("{name}.gz"))].into_iter().find(|path| path.is_file());
    found.ok_or_else(|| Error::Images {
        problem: format!("no such file, with .gz or without: {}", plain.display()),
    })
}

/// The bytes of a file, which must be as many as its axes say.
fn bytes(path: &Path) -> Result<Vec<u8>> {
    let (reader, axes) = axes(path)?;
    let expected = axes.iter().try_fold(1usize, |n, axis| n.checked_mul(*axis as usize));
    let expected = expected.ok_or_else(|| content(path, format!("no memory can hold axes {axes:?}")))?;
    let mut bytes = Vec::new();
    // One byte more than there should be tells that there are too many, however many a compressed file has.
    let read = reader.take((expected as u64).saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| content(path, format!("not a whole IDX file: {error}")))?;
    if bytes.len() != expected {
        let (found, more) = (bytes.len(), if bytes.len() > expected { " or more" } else { "" });
        return Err(content(
            path,
            format!("not a whole IDX file: expected {expected} bytes, found: {found}{more}"),
        ));
    }
    Ok(bytes)
}

/// The axes of a file of bytes, and what follows them.
fn axes(path: &Path) -> Result<(Box<dyn std::io::Read>, Vec<u32>)> {
    let file = BufReader::new(File::open(path).map_err(unreadable(path))?);
    let mut reader: Box<dyn std::io::Read> = if path.extension().is_some_and(|ending| ending == "gz") {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut word = || -> std::io::Result<[u8; 4]> {
        let mut word = [0; 4];
        reader.read_exact(&mut word)?;
        Ok(word)
    };
    let damaged = |error: std::io::Error| content(path, format!("not a whole IDX file: {error}"));
    let [zero, zero_too, kind, n_axes] = word().map_err(damaged)?;
    if [zero, zero_too, kind] != [0, 0, 8] || n_axes > 4 {
        return Err(content(path, "not an IDX file of bytes".to_owned()));
    }
    let axes = (0..n_axes).map(|_| word().map(u32::from_be_bytes)).collect::<std::io::Result<_>>();
    let axes = axes.map_err(damaged)?;
    Ok((reader, axes))
}

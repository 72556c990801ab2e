//! Parquet files of encoded pictures, as hubs publish data sets.
//!
//! A row has a column `image` (or `img`) of the picture's file, bare or as the part `bytes` of a group, and a column
//! `label` of an integer from 0. In a folder, files whose names begin with `train` are for training and those with
//! `test` or `validation` the test set; other files are split at random.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::images::Images;
use super::parts::ImageParts;
use super::shape::{ImageShape, check_side};
use super::store::{ImageWriter, Store};
use crate::decode::{self, Records, Value};
use crate::error::{Result, content, unreadable};
use crate::split::Split;

const IMAGE: [&str; 2] = ["image", "img"];
const LABEL: [&str; 3] = ["label", "labels", "fine_label"];

/// A Parquet file of pictures, or a folder of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParquetImages {
    /// The file or the folder, relative to the data folder.
    pub path: PathBuf,
    /// Pixels along the side of the squares that the pictures become.
    pub side: u32,
    /// The held-out shares; the test share has no meaning where there are files of a test part.
    #[serde(default)]
    pub split: Split,
}

impl ParquetImages {
    /// No published set of this form is in the catalogue.
    pub(crate) const CARDS: &'static [&'static str] = &[];

    /// Reads the pictures from under the folder `data`.
    ///
    /// # Errors
    /// [`crate::Error::Images`] for an impossible side, [`crate::Error::Io`], [`crate::Error::Content`] naming a file that is damaged or has no such columns,
    /// [`crate::Error::Rows`] for an impossible split.
    pub fn load(&self, data: &Path) -> Result<ImageParts> {
        check_side(self.side)?;
        let path = data.join(&self.path);
        let files = files(&path)?;
        let beginning = |part: &str| -> Vec<PathBuf> {
            let begins = |path: &&PathBuf| {
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(part))
            };
            files.iter().filter(begins).cloned().collect()
        };
        let train = beginning("train");
        let test = ["test", "validation"].map(beginning).into_iter().find(|files| !files.is_empty());
        match test {
            Some(test) if !train.is_empty() => {
                ImageParts::with_share(&self.images(&train)?, self.split, self.images(&test)?)
            }
            _ => ImageParts::split(&self.images(&files)?, self.split),
        }
    }

    fn images(&self, files: &[PathBuf]) -> Result<Images> {
        let side = i64::from(self.side);
        let first = files.first().cloned().unwrap_or_default();
        let store = Store {
            file: &first.with_extension(format!("side{side}.interflow-cache")),
            sources: files,
            reading: "parquet",
            shape: ImageShape { channels: 3, height: side, width: side },
        };
        store.load(None, |images| files.iter().try_for_each(|path| self.file(path, images)))
    }

    fn file(&self, path: &Path, images: &mut ImageWriter) -> Result<()> {
        let Records { columns, rows } = decode::records(path)?;
        let place = |names: &[&str]| columns.iter().position(|name| names.contains(&name.as_str()));
        let image = place(&IMAGE).ok_or_else(|| {
            content(path, format!("expected a column `image`, found: {}", columns.join(", ")))
        })?;
        let label = place(&LABEL);
        for (number, row) in rows.enumerate() {
            let row = row?;
            let wrong = |problem: String| content(path, format!("row {}: {problem}", number + 1));
            let Some(Value::Bytes(encoded)) = row.get(image) else {
                return Err(wrong("there is no encoded picture".to_owned()));
            };
            let class = match label.map(|place| row.get(place)) {
                None => 0,
                Some(Some(Value::Integer(class))) => *class,
                Some(other) => {
                    let found = other.cloned().map_or_else(String::new, Value::into_text);
                    return Err(wrong(format!("expected an integer label, found: {found:?}")));
                }
            };
            images.push(&decode::square(encoded, self.side).map_err(wrong)?, class)?;
        }
        Ok(())
    }
}

/// The file, or those of a folder, sorted.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).map_err(unreadable(path))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>();
    let mut paths = paths.map_err(unreadable(path))?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "parquet"));
    paths.sort();
    if paths.is_empty() {
        return Err(content(path, "the folder has no .parquet files".to_owned()));
    }
    Ok(paths)
}

//! Parquet files of encoded pictures, as hubs publish data sets.
//!
//! A row has a column `image` (or `img`) of the picture's file, bare or as the part `bytes` of a group, and a column
//! `label` of an integer from 0. In a folder, files whose names begin with `train` are for training and those with
//! `test` or `validation` the test set; other files are split at random.

use std::fs;
use std::path::{Path, PathBuf};

use parquet::record::{Field, Row};

use super::store::{ImageWriter, Store};
use super::{ImageParts, ImageShape, Images, picture};
use crate::parquet_rows::ParquetRows;
use crate::table::{content, unreadable};
use crate::{Result, Split};

const IMAGE: [&str; 2] = ["image", "img"];
const LABEL: [&str; 3] = ["label", "labels", "fine_label"];

/// A Parquet file of pictures, or a folder of them.
#[derive(Debug, Clone, PartialEq)]
pub struct ParquetImages {
    /// Relative to the data folder.
    pub path: PathBuf,
    /// Pixels along the side of the squares that the pictures become.
    pub side: u32,
    /// The held-out shares; the test share has no meaning where there are files of a test part.
    pub split: Split,
}

impl ParquetImages {
    /// Reads the pictures from under the folder `data`.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Content`] naming a file that is damaged or has no such columns,
    /// [`crate::Error::Rows`] for an impossible split.
    pub fn load(&self, data: &Path) -> Result<ImageParts> {
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
        let rows = ParquetRows::open(path)?;
        let columns = rows.columns();
        let place = |names: &[&str]| columns.iter().position(|name| names.contains(&name.as_str()));
        let image = place(&IMAGE).ok_or_else(|| {
            content(path, format!("expected a column `image`, found: {}", columns.join(", ")))
        })?;
        let label = place(&LABEL);
        for (number, row) in rows.rows()?.enumerate() {
            let row = row?;
            let wrong = |problem: String| content(path, format!("row {}: {problem}", number + 1));
            let encoded =
                encoded(&row, image).ok_or_else(|| wrong("there is no encoded picture".to_owned()))?;
            let class = match label {
                None => 0,
                Some(place) => integer(&row, place)
                    .ok_or_else(|| wrong(format!("expected a label, found: {:?}", field(&row, place))))?,
            };
            images.push(&picture::square(encoded, self.side).map_err(wrong)?, class)?;
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

fn field(row: &Row, place: usize) -> Option<&Field> {
    row.get_column_iter().nth(place).map(|(_, field)| field)
}

/// The picture's file in a column, bare or as a part of a group.
fn encoded(row: &Row, place: usize) -> Option<&[u8]> {
    match field(row, place)? {
        Field::Bytes(bytes) => Some(bytes.data()),
        Field::Group(parts) => parts.get_column_iter().find_map(|(name, part)| match part {
            Field::Bytes(bytes) if name == "bytes" => Some(bytes.data()),
            _ => None,
        }),
        _ => None,
    }
}

fn integer(row: &Row, place: usize) -> Option<i64> {
    match *field(row, place)? {
        Field::Long(value) => Some(value),
        Field::Int(value) => Some(value.into()),
        Field::Short(value) => Some(value.into()),
        Field::Byte(value) => Some(value.into()),
        Field::UByte(value) => Some(value.into()),
        Field::UShort(value) => Some(value.into()),
        Field::UInt(value) => Some(value.into()),
        _ => None,
    }
}

//! Parquet files of encoded pictures, as hubs publish data sets.
//!
//! A row has a column `image` (or `img`) of the picture's file, bare or as the part `bytes` of a group, and a column
//! `label` of an integer from 0 or of a name, whose class is its place among all names. In a folder, files whose names begin with `train` are for training and those with
//! `test` or `validation` the test set; other files are split at random.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::images::Images;
use super::parts::ImageParts;
use super::shape::{ImageShape, check_side};
use super::store::{ImageWriter, Store};
use crate::decode::{self, Records, Value};
use crate::error::{Result, content, unreadable};
use crate::hidden::is_hidden;
use crate::split::Split;

const IMAGE: [&str; 2] = ["image", "img"];
const LABEL: [&str; 3] = ["label", "labels", "fine_label"];

/// A Parquet file of pictures, or a folder of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParquetImages {
    /// The path of the file or the folder, relative to the data folder.
    pub path: PathBuf,
    /// The side, in pixels, of the squares to which the pictures are cut and resized.
    pub side: u32,
    /// The fractions of held-out images. That of the test set has no effect if there are files of a test set.
    #[serde(default)]
    pub split: Split,
}

impl ParquetImages {
    /// No published set of this form is in the catalogue.
    pub(crate) const CARDS: &'static [&'static str] = &[];

    /// Reads the pictures from under the folder `data`.
    ///
    /// # Errors
    /// [`crate::Error::Images`] for an impossible side, [`crate::Error::Io`], [`crate::Error::Content`] naming a file that
    /// is damaged or has no such columns, [`crate::Error::Rows`] for an impossible split.
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
        let names = names(&files)?;
        match test {
            Some(test) if !train.is_empty() => {
                let (train, test) = (self.images(&train, &names)?, self.images(&test, &names)?);
                ImageParts::with_share(&train, self.split, test)
            }
            _ => ImageParts::split(&self.images(&files, &names)?, self.split),
        }
    }

    fn images(&self, files: &[PathBuf], names: &[String]) -> Result<Images> {
        let side = i64::from(self.side);
        let first = files.first().cloned().unwrap_or_default();
        let store = Store {
            file: &first.with_extension(format!("side{side}.interflow-cache")),
            sources: files,
            reading: &format!("parquet {names:?}"),
            shape: ImageShape { channels: 3, height: side, width: side },
        };
        let n_classes = (!names.is_empty()).then_some(names.len() as i64);
        store.load(n_classes, |images| files.iter().try_for_each(|path| self.file(path, names, images)))
    }

    fn file(&self, path: &Path, names: &[String], images: &mut ImageWriter) -> Result<()> {
        let columns = decode::column_names(path)?;
        let image = among(&columns, &IMAGE).ok_or_else(|| {
            content(path, format!("expected a column `image`, found: {}", columns.join(", ")))
        })?;
        let label = among(&columns, &LABEL);
        let wanted: Vec<String> = [image].into_iter().chain(label).map(str::to_owned).collect();
        let Records { columns, rows } = decode::records(path, Some(&wanted))?;
        let place = |name: &str| columns.iter().position(|column| column == name);
        let (image, label) = (place(image), label.and_then(place));
        for (number, row) in rows.enumerate() {
            let row = row?;
            let wrong = |problem: String| content(path, format!("row {}: {problem}", number + 1));
            let Some(Value::Bytes(encoded)) = image.and_then(|place| row.get(place)) else {
                return Err(wrong("there is no encoded picture".to_owned()));
            };
            let class = match label.and_then(|place| row.get(place)) {
                None => 0,
                Some(label) => class(label, names).map_err(wrong)?,
            };
            images.push(&decode::square(encoded, self.side).map_err(wrong)?, class)?;
        }
        Ok(())
    }
}

/// The column that has one of the names.
fn among<'a>(columns: &'a [String], names: &[&str]) -> Option<&'a str> {
    columns.iter().map(String::as_str).find(|name| names.contains(name))
}

/// The class of a label: its number, or its place among all names.
fn class(label: &Value, names: &[String]) -> std::result::Result<i64, String> {
    match label {
        Value::Integer(class) => Ok(*class),
        Value::Text(name) if !name.is_empty() => {
            let place = names.binary_search(name).map_err(|_| format!("the label is none of all: {name}"))?;
            Ok(place as i64)
        }
        Value::Text(_) => Err("there is no label".to_owned()),
        Value::Bytes(_) => Err("expected a label of an integer or a text, found: bytes".to_owned()),
    }
}

/// The names of all classes, sorted, where labels are names.
fn names(files: &[PathBuf]) -> Result<Vec<String>> {
    let mut names = BTreeSet::new();
    for path in files {
        let columns = decode::column_names(path)?;
        let Some(label) = among(&columns, &LABEL) else { continue };
        for row in decode::records(path, Some(&[label.to_owned()]))?.rows {
            match row?.into_iter().next() {
                Some(Value::Text(name)) if !name.is_empty() => names.insert(name),
                // Numbers name themselves, and one is enough to know them by.
                Some(Value::Integer(_)) => break,
                _ => continue,
            };
        }
    }
    Ok(names.into_iter().collect())
}

/// The file, or those of a folder, sorted.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).map_err(unreadable(path))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>();
    let mut paths = paths.map_err(unreadable(path))?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "parquet") && !is_hidden(path));
    paths.sort();
    if paths.is_empty() {
        return Err(content(path, "the folder has no .parquet files".to_owned()));
    }
    Ok(paths)
}

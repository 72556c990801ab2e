//! Folders of pictures.
//!
//! All JPEG, PNG and WebP files below a folder, in the order of their paths. A picture's class is told by a table
//! `labels.csv` in the folder, beside it or above it (file name, integer class from 0 or from 1), or else by the
//! subfolder it lies in. Where the folder holds `train` beside `test` or `val`, these are the parts; otherwise the
//! pictures are split at random.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use serde::{Deserialize, Serialize};

use super::images::Images;
use super::parts::ImageParts;
use super::shape::{ImageShape, check_side};
use super::store::{ImageWriter, Store};
use crate::decode;
use crate::error::{Error, Result, content, unreadable};
use crate::sheet::Sheet;
use crate::split::Split;

const ENDINGS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];
/// Pictures that one thread decodes before they are written.
const PER_THREAD: usize = 16;

/// A folder of pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// The folder, relative to the data folder.
    pub path: PathBuf,
    /// Pixels along the side of the squares that the pictures become.
    pub side: u32,
    /// The held-out shares; the test share has no meaning where the test part has a folder of its own.
    #[serde(default)]
    pub split: Split,
}

impl Folder {
    /// The cards of published sets that are folders of pictures.
    pub(crate) const CARDS: &'static [&'static str] = &[include_str!("../../catalogue/flowers128.toml")];

    /// Reads the pictures from under the folder `data`.
    ///
    /// # Errors
    /// [`Error::Images`] for an impossible side, [`Error::Io`], [`Error::Content`] naming a damaged picture or a folder
    /// without any, [`Error::Rows`] for an impossible split.
    pub fn load(&self, data: &Path) -> Result<ImageParts> {
        check_side(self.side)?;
        let folder = data.join(&self.path);
        let train = folder.join("train");
        let test = ["test", "val"].map(|part| folder.join(part)).into_iter().find(|part| part.is_dir());
        match test {
            Some(test) if train.is_dir() => {
                ImageParts::with_share(&self.images(&train)?, self.split, self.images(&test)?)
            }
            _ => ImageParts::split(&self.images(&folder)?, self.split),
        }
    }

    fn images(&self, folder: &Path) -> Result<Images> {
        let mut paths = Vec::new();
        collect(folder, &mut paths)?;
        if paths.is_empty() {
            return Err(content(folder, "the folder has no pictures (.jpg, .jpeg, .png, .webp)".to_owned()));
        }
        paths.sort();
        let (classes, table) = classes(folder, &paths)?;
        let names: Vec<_> = paths.iter().map(|path| path.strip_prefix(folder).unwrap_or(path)).collect();
        let side = i64::from(self.side);
        let store = Store {
            file: &folder.join(format!("side{side}.interflow-cache")),
            sources: &paths.iter().cloned().chain(table).collect::<Vec<_>>(),
            reading: &format!("folder {names:?} {classes:?}"),
            shape: ImageShape { channels: 3, height: side, width: side },
        };
        store.load(None, |images| self.decode(&paths, &classes, images))
    }

    /// Decodes a block at a time, on all cores, and writes in order.
    fn decode(&self, paths: &[PathBuf], classes: &[i64], images: &mut ImageWriter) -> Result<()> {
        let n_threads = thread::available_parallelism().map_or(1, usize::from);
        let square = |path: &PathBuf| {
            let encoded = fs::read(path).map_err(unreadable(path))?;
            decode::square(&encoded, self.side).map_err(|problem| content(path, problem))
        };
        let mut classes = classes.iter();
        for block in paths.chunks(n_threads * PER_THREAD) {
            let squares: Vec<Result<Vec<u8>>> = thread::scope(|scope| {
                let parts = block.chunks(PER_THREAD);
                let tasks = parts.map(|part| scope.spawn(|| part.iter().map(square).collect::<Vec<_>>()));
                let tasks: Vec<_> = tasks.collect();
                let done = |task: thread::ScopedJoinHandle<'_, _>| {
                    task.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                };
                tasks.into_iter().flat_map(done).collect()
            });
            for (pixels, class) in squares.into_iter().zip(&mut classes) {
                images.push(&pixels?, *class)?;
            }
        }
        Ok(())
    }
}

/// The pictures below a folder.
fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if path.is_dir() {
            collect(&path, paths)?;
        } else if ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)) {
            paths.push(path);
        }
    }
    Ok(())
}

/// Each picture's class, and the table that told it.
fn classes(folder: &Path, paths: &[PathBuf]) -> Result<(Vec<i64>, Option<PathBuf>)> {
    let above = folder.parent().unwrap_or(folder);
    let tables = [folder.join("labels.csv"), above.join("labels.csv")];
    if let Some(table) = tables.into_iter().find(|table| table.is_file()) {
        return Ok((by_table(&table, paths)?, Some(table)));
    }
    let names: Vec<_> = paths.iter().map(|path| path.strip_prefix(folder).unwrap_or(path).parent()).collect();
    let mut known: Vec<_> = names.clone();
    known.sort();
    known.dedup();
    Ok((names.iter().map(|name| known.binary_search(name).unwrap_or(0) as i64).collect(), None))
}

/// The classes by a table whose first column holds file names and whose second one integers from 0 or from 1.
fn by_table(table: &Path, paths: &[PathBuf]) -> Result<Vec<i64>> {
    let sheet = Sheet::read(table)?;
    if sheet.names().len() < 2 {
        return Err(content(table, "expected columns of file names and of classes".to_owned()));
    }
    let labels = sheet.complete_numbers(&[1])?.view(-1);
    if labels.eq_tensor(&labels.floor()).all().int64_value(&[]) == 0 {
        return Err(content(table, format!("column `{}` does not hold integers only", sheet.names()[1])));
    }
    let first = labels.min().double_value(&[]).clamp(0.0, 1.0);
    let classes = (labels - first).to_kind(tch::Kind::Int64);
    let read = |source| Error::Torch { operation: "read labels", source };
    let classes = Vec::<i64>::try_from(classes).map_err(read)?;
    let by_name: BTreeMap<String, i64> = sheet.texts(0).into_iter().zip(classes).collect();
    let class = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let missing = || content(table, format!("there is no label for {}", path.display()));
        by_name.get(name.as_ref()).copied().ok_or_else(missing)
    };
    paths.iter().map(class).collect()
}

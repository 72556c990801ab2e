//! Folders of pictures.
//!
//! All pictures below a folder, in the order of their paths. The class of a picture is told by a table `labels.csv`
//! in the folder or beside it (file name, and a class: an integer from 0 or from 1, or a name), or else by the
//! subfolder that holds it. If the folder has a subfolder `train` beside `test` or `val`, these are the parts;
//! otherwise the pictures are split at random.

mod labels;
mod pictures;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use serde::{Deserialize, Serialize};

use self::labels::Labels;
use super::images::Images;
use super::parts::ImageParts;
use super::shape::{ImageShape, check_side};
use super::store::{ImageWriter, Store};
use crate::decode;
use crate::error::{Result, content, unreadable};
use crate::split::Split;

/// Pictures that one thread decodes before they are written.
const PER_THREAD: usize = 16;

/// A folder of pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// The path of the folder, relative to the data folder.
    pub path: PathBuf,
    /// The side, in pixels, of the squares to which the pictures are cut and resized.
    pub side: u32,
    /// The fractions of held-out images. That of the test set has no effect if it has a folder of its own.
    #[serde(default)]
    pub split: Split,
}

impl Folder {
    /// The cards of published sets that are folders of pictures.
    pub(crate) const CARDS: &'static [&'static str] = &[include_str!("../../catalogue/flowers128.toml")];

    /// Reads the pictures from under the folder `data`.
    ///
    /// # Errors
    /// [`crate::Error::Images`] for an impossible side, [`crate::Error::Io`], [`crate::Error::Content`] naming a damaged
    /// picture or a folder without any, [`crate::Error::Rows`] for an impossible split.
    pub fn load(&self, data: &Path) -> Result<ImageParts> {
        check_side(self.side)?;
        let folder = data.join(&self.path);
        let train = folder.join("train");
        let test = ["test", "val"].map(|part| folder.join(part)).into_iter().find(|part| part.is_dir());
        match test {
            Some(test) if train.is_dir() => {
                let parts = parts(&[&train, &test])?;
                ImageParts::with_share(&self.images(&parts[0])?, self.split, self.images(&parts[1])?)
            }
            _ => ImageParts::split(&self.images(&parts(&[&folder])?[0])?, self.split),
        }
    }

    fn images(&self, part: &Part) -> Result<Images> {
        let Part { folder, paths, table, classes, n_classes } = part;
        let names: Vec<_> = paths.iter().map(|path| path.strip_prefix(folder).unwrap_or(path)).collect();
        let side = i64::from(self.side);
        let store = Store {
            file: &folder.join(format!("side{side}.interflow-cache")),
            sources: &paths.iter().chain(table).cloned().collect::<Vec<_>>(),
            reading: &format!("folder {names:?} {classes:?}"),
            shape: ImageShape { channels: 3, height: side, width: side },
        };
        store.load(Some(*n_classes), |images| self.decode(paths, classes, images))
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

/// A part of a set.
struct Part {
    folder: PathBuf,
    /// The pictures.
    paths: Vec<PathBuf>,
    /// The table of their classes, if there is one.
    table: Option<PathBuf>,
    /// The class of each picture.
    classes: Vec<i64>,
    /// How many classes all parts have together.
    n_classes: i64,
}

/// As many parts as folders, which share their classes.
fn parts(folders: &[&Path]) -> Result<Vec<Part>> {
    let paths = folders.iter().map(|folder| pictures::below(folder)).collect::<Result<Vec<_>>>()?;
    let labels = folders.iter().zip(&paths).map(|(folder, paths)| Labels::of(folder, paths));
    let labels = labels.collect::<Result<Vec<_>>>()?;
    let (classes, n_classes) = Labels::classes(&labels);
    let parts = folders.iter().zip(paths).zip(labels).zip(classes);
    let part = |(((folder, paths), labels), classes): (((&&Path, _), Labels), _)| Part {
        folder: folder.to_path_buf(),
        paths,
        table: labels.table,
        classes,
        n_classes,
    };
    Ok(parts.map(part).collect())
}

//! Which pictures lie below a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Result, content, unreadable};
use crate::hidden::is_hidden;

/// The endings of pictures that are read.
const ENDINGS: [&str; 9] = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "jfif"];
/// The endings of pictures that are not.
const OTHERS: [&str; 10] = ["avif", "heic", "heif", "jp2", "jxl", "tga", "ppm", "pgm", "svg", "psd"];

/// The pictures below a folder, in the order of their paths, at least one. What is hidden, as other programs hide their
/// files and folders by a dot, is left out, and a folder that links lead to again is read once.
pub(super) fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut search = Search::default();
    search.enter(folder)?;
    if !search.others.is_empty() {
        let found: Vec<String> = search.others.iter().map(|(ending, n)| format!("{n} .{ending}")).collect();
        tracing::warn!("{}: left out pictures that cannot be read: {}", folder.display(), found.join(", "));
    }
    if search.pictures.is_empty() {
        return Err(content(folder, format!("the folder has no pictures (.{})", ENDINGS.join(", ."))));
    }
    search.pictures.sort();
    Ok(search.pictures)
}

#[derive(Default)]
struct Search {
    pictures: Vec<PathBuf>,
    /// How many pictures there are of each ending that is not read.
    others: BTreeMap<String, usize>,
    /// The folders, without links in their paths.
    entered: BTreeSet<PathBuf>,
}

impl Search {
    fn enter(&mut self, folder: &Path) -> Result<()> {
        if !self.entered.insert(folder.canonicalize().map_err(unreadable(folder))?) {
            return Ok(());
        }
        let entries = fs::read_dir(folder).map_err(unreadable(folder))?;
        let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>();
        let mut paths = paths.map_err(unreadable(folder))?;
        // Of two links to one folder, the same is followed everywhere.
        paths.sort();
        for path in paths {
            if is_hidden(&path) {
                continue;
            }
            let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
            if path.is_dir() {
                self.enter(&path)?;
            } else if ENDINGS.contains(&ending.as_str()) {
                self.pictures.push(path);
            } else if OTHERS.contains(&ending.as_str()) {
                *self.others.entry(ending).or_default() += 1;
            }
        }
        Ok(())
    }
}

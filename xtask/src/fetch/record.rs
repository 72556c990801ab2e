//! The SHA-256 of files as they first came, of those of which none is known: `SHA256SUMS` in the folder of the data sets,
//! in the format of `sha256sum`. What comes later under the same name has to be the same.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

/// The file's name.
const NAME: &str = "SHA256SUMS";

/// What is recorded in a folder of data sets.
pub(crate) struct Record {
    path: PathBuf,
    lines: Vec<(String, String)>,
}

impl Record {
    /// Reads the record, which is empty where there is none yet.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        let path = dir.join(NAME);
        if !path.exists() {
            return Ok(Self { path, lines: Vec::new() });
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let lines = text.lines().filter_map(|line| line.split_once("  "));
        let lines = lines.map(|(hash, name)| (name.to_owned(), hash.to_owned())).collect();
        Ok(Self { path, lines })
    }

    /// The SHA-256 under this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.lines.iter().find(|(other, _)| other == name).map(|(_, hash)| hash.as_str())
    }

    /// Adds a file.
    pub(crate) fn add(&mut self, name: &str, hash: &str) -> Result<()> {
        if name.contains('\n') {
            bail!("a file's name has a line's end: {name:?}");
        }
        self.lines.push((name.to_owned(), hash.to_owned()));
        let lines: Vec<_> = self.lines.iter().map(|(name, hash)| format!("{hash}  {name}\n")).collect();
        let fresh = self.path.with_extension("tmp");
        let context = || format!("cannot write {}", self.path.display());
        fs::write(&fresh, lines.concat()).with_context(context)?;
        fs::rename(&fresh, &self.path).with_context(context)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

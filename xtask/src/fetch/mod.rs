//! Data sets from their publishers: downloaded, checked, unpacked, and only then put where they belong.
//!
//! All work is done in the folder `.fetch-NAME` beside the data sets. Interrupted at any time, it is taken up again by
//! the same command; a set's files get their names when all of them are whole.

mod answer;
mod archive;
mod download;
mod record;
#[cfg(test)]
mod server;
#[cfg(test)]
mod tests;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};

use self::record::Record;
use crate::{
    catalogue::{Check, DataSet},
    digest,
    publishers::{self, Download, Publication},
};

pub(crate) use self::download::Patience;

/// What data sets are fetched into, and from where.
pub(crate) struct Fetch<'a> {
    /// The folder of the data sets.
    pub(crate) dir: &'a Path,
    /// Where to take the files from instead of their publishers: what stands before a file's name there.
    pub(crate) mirror: Option<&'a str>,
    pub(crate) patience: Patience,
}

impl Fetch<'_> {
    /// Gets the data set unless it is there.
    ///
    /// # Errors
    /// If it is not to be had this way (the message says how), a download fails or is not what it should be.
    pub(crate) fn set(&self, set: &DataSet) -> Result<()> {
        if set.is_whole(self.dir, Check::Size) {
            eprintln!("the data set `{}` is there already: {}", set.name, self.dir.display());
            return Ok(());
        }
        let context = || format!("cannot fetch the data set `{}`", set.name);
        match publishers::publication(&set.name) {
            Some(Publication::Open(downloads)) => self.open(set, downloads).with_context(context),
            Some(Publication::ByHand(steps)) => Err(by_hand(steps)).with_context(context),
            None => Err(by_hand(&format!("get it from {}", set.source))).with_context(context),
        }
    }

    /// Gets a data set that consists of these files.
    fn open(&self, set: &DataSet, downloads: &[Download]) -> Result<()> {
        eprintln!("{}: {} ({})", set.name, set.title, set.licence);
        let work = Work::begin(self.dir, &set.name)?;
        let stage = work.dir.join("unpacked");
        if stage.exists() {
            // Of an earlier try; nobody knows how far it came.
            fs::remove_dir_all(&stage).with_context(|| format!("cannot remove {}", stage.display()))?;
        }
        let mut fresh = Vec::new();
        for download in downloads {
            let (file, unknown) = self.file(&set.name, download, &work.dir)?;
            archive::unpack(&file, download, &stage)?;
            fresh.extend(unknown);
        }
        ensure!(
            set.is_whole(&stage, Check::Hash),
            "what came is not this data set, or another version of it{}\n\
             hint: {} is kept for a look; without it all is downloaded again",
            set.states(&stage),
            work.dir.display()
        );
        // One sync for thousands of files.
        rustix::fs::sync();
        for file in set.files(&stage, Check::Size) {
            put(&stage.join(&file.path), &self.dir.join(&file.path))?;
        }
        self.record(&fresh)?;
        work.finish()
    }

    /// Downloads a file and compares its SHA-256 with what is known of it, or with what came the first time. Where
    /// there is neither it is returned beside the file, under the name by which it is to be recorded.
    fn file(&self, set: &str, download: &Download, folder: &Path) -> Result<(PathBuf, Option<Fresh>)> {
        let name = download.name();
        let url = self.mirror.map_or_else(|| download.url.to_owned(), |prefix| beside(prefix, name));
        let file = download::download(&url, folder, name, self.patience)?;
        let record = Record::open(self.dir)?;
        let entry = format!("{set}/{name}");
        let found = digest::sha256(&file)?;
        let Some(expected) = download.sha256.or_else(|| record.get(&entry)) else {
            return Ok((file, Some(Fresh { entry, hash: found })));
        };
        if expected != found {
            fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
            let hint = if download.sha256.is_some() {
                "something on the way changes the file, or its publisher has; it was removed".to_owned()
            } else {
                let path = record.path().display();
                format!(
                    "it was another file the first time, and was removed\n      \
                     (if this new version is wanted, remove its line from {path})"
                )
            };
            bail!("wrong SHA-256 of {url}: expected {expected}, found {found}\nhint: {hint}");
        }
        eprintln!("{name}: SHA-256 as expected");
        Ok((file, None))
    }

    /// Records what came for the first time, once it has proved to be the data set.
    fn record(&self, fresh: &[Fresh]) -> Result<()> {
        let mut record = Record::open(self.dir)?;
        for Fresh { entry, hash } in fresh {
            record.add(entry, hash)?;
            let path = record.path().display();
            eprintln!(
                "{entry}: no published SHA-256 is known; this one is kept in {path} for later downloads: {hash}"
            );
        }
        Ok(())
    }
}

/// The SHA-256 of a file that came for the first time.
struct Fresh {
    entry: String,
    hash: String,
}

fn by_hand(steps: &str) -> anyhow::Error {
    anyhow::anyhow!("it is not to be downloaded by a program\nhint: {steps}")
}

/// The file of this name below an address.
fn beside(prefix: &str, name: &str) -> String {
    format!("{}/{name}", prefix.trim_end_matches('/'))
}

/// Gives a file or folder its final name. A file that is not whole gives way; a folder may hold somebody's files.
fn put(from: &Path, to: &Path) -> Result<()> {
    ensure!(!to.is_dir(), "an incomplete folder is in the way: {}\nhint: move it away", to.display());
    let context = || format!("cannot put {} in its place", to.display());
    fs::create_dir_all(to.parent().unwrap_or(to)).with_context(context)?;
    fs::rename(from, to).with_context(context)
}

/// The folder in which a data set is prepared, for one process at a time.
struct Work {
    dir: PathBuf,
    _lock: File,
}

impl Work {
    fn begin(dir: &Path, set: &str) -> Result<Self> {
        let dir = dir.join(format!(".fetch-{set}"));
        let context = || format!("cannot write to {}", dir.display());
        fs::create_dir_all(&dir).with_context(context)?;
        let lock = File::create(dir.join("lock")).with_context(context)?;
        ensure!(lock.try_lock().is_ok(), "another process fetches it already: {}", dir.display());
        Ok(Self { dir, _lock: lock })
    }

    fn finish(self) -> Result<()> {
        fs::remove_dir_all(&self.dir).with_context(|| format!("cannot remove {}", self.dir.display()))
    }
}

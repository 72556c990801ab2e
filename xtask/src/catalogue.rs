//! The data sets that experiments may need, as one table.
//!
//! Nothing is fetched: the sources ask for their terms to be read. The files are named, measured and checked.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};

use crate::digest;

/// Every data set known here. A further one is one more entry.
pub(crate) const CATALOGUE: &[DataSet] = &[DataSet {
    name: "power",
    title: "Individual household electric power consumption",
    source: "UCI Machine Learning Repository, DOI 10.24432/C58K54",
    licence: "CC BY 4.0",
    advice: "the source's archive holds it by this name",
    files: &[DataFile {
        path: "power/household_power_consumption.txt",
        bytes: 132_960_755,
        sha256: "4259c9d7ece5dbee9ab8d53682baac68d791c864f0f64a52b4043cb3b90894b7",
    }],
}];

/// A data set as published.
pub(crate) struct DataSet {
    /// The `kind` by which configs ask for it.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) source: &'static str,
    pub(crate) licence: &'static str,
    /// How to get from the source's download to the files.
    pub(crate) advice: &'static str,
    pub(crate) files: &'static [DataFile],
}

/// One file of a data set.
pub(crate) struct DataFile {
    /// Where it has to lie, below the folder of the data sets.
    pub(crate) path: &'static str,
    pub(crate) bytes: u64,
    pub(crate) sha256: &'static str,
}

/// How closely files are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    Size,
    Hash,
}

impl DataSet {
    /// The data set of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        CATALOGUE.iter().find(|set| set.name == name)
    }

    /// Fails unless every file lies below `dir` and is whole; the message says what to get and from where.
    pub(crate) fn require(&self, dir: &Path, check: Check) -> Result<()> {
        let states: Vec<_> = self.files.iter().map(|file| (file, file.state(dir, check))).collect();
        if states.iter().all(|(_, state)| state.is_ok()) {
            return Ok(());
        }
        let files: String = states.iter().map(|(file, state)| file.shown(state)).collect();
        bail!(
            "the data set `{name}` is not complete in {dir}{files}\n  \
             from: {title} ({source}, {licence})\n\
             hint: put it into {dir} under that path ({advice}),\n      \
             or name another folder by --data or INTERFLOW_DATA",
            name = self.name,
            dir = dir.display(),
            title = self.title,
            source = self.source,
            licence = self.licence,
            advice = self.advice,
        )
    }
}

impl DataFile {
    /// Whether the file is there and whole; the error is what's wrong.
    pub(crate) fn state(&self, dir: &Path, check: Check) -> Result<()> {
        let path = dir.join(self.path);
        let found = fs::metadata(&path).ok().context("missing")?;
        if found.len() != self.bytes {
            bail!("wrong size: {} bytes", found.len());
        }
        match check {
            Check::Size => Ok(()),
            Check::Hash => digest::require(&path, self.sha256),
        }
    }

    /// Two lines: the file's path and state, and what it should be.
    fn shown(&self, state: &Result<()>) -> String {
        let state = state.as_ref().map_or_else(|error| format!("{error:#}"), |()| "present".to_owned());
        format!("\n  {}: {state}\n    {} bytes, SHA-256 {}", self.path, self.bytes, self.sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: DataSet = DataSet {
        name: "letters",
        title: "Three letters",
        source: "the alphabet",
        licence: "CC0",
        advice: "as it is",
        files: &[DataFile {
            path: "letters/abc.txt",
            bytes: 3,
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        }],
    };

    fn check(content: Option<&str>, check: Check) -> Result<(), String> {
        let dir = tempfile::tempdir().unwrap();
        if let Some(content) = content {
            fs::create_dir(dir.path().join("letters")).unwrap();
            fs::write(dir.path().join("letters/abc.txt"), content).unwrap();
        }
        SET.require(dir.path(), check).map_err(|error| error.to_string())
    }

    #[test]
    fn whole_file_passes() {
        assert_eq!(check(Some("abc"), Check::Size), Ok(()));
        assert_eq!(check(Some("abc"), Check::Hash), Ok(()));
    }

    #[test]
    fn only_the_hash_tells_other_letters() {
        assert_eq!(check(Some("abd"), Check::Size), Ok(()));
        assert!(check(Some("abd"), Check::Hash).unwrap_err().contains("wrong SHA-256"));
    }

    #[test]
    fn message_says_what_where_and_whence() {
        let message = check(None, Check::Size).unwrap_err();
        for part in [
            "letters/abc.txt: missing",
            "3 bytes, SHA-256 ba78",
            "the alphabet, CC0",
            "--data",
            "INTERFLOW_DATA",
        ] {
            assert!(message.contains(part), "no {part:?} in {message}");
        }
        assert!(check(Some("ab"), Check::Size).unwrap_err().contains("wrong size: 2 bytes"));
    }

    #[test]
    fn names_and_hashes_are_well_formed() {
        for set in CATALOGUE {
            assert_eq!(DataSet::named(set.name).unwrap().title, set.title, "two data sets of one name");
            assert!(set.files.iter().all(|file| file.sha256.len() == 64 && file.path.starts_with(set.name)));
        }
    }
}

//! The data sets that experiments may need, as one table.
//!
//! Nothing is fetched: the sources ask for their terms to be read. The files are named, measured and checked.

mod images;
mod tables;

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};

use crate::digest;

/// The data sets known here, by what they hold. A further one is one more entry.
const CATALOGUE: [&[DataSet]; 2] = [tables::SETS, images::SETS];

/// Every data set known here.
pub(crate) fn all() -> impl Iterator<Item = &'static DataSet> {
    CATALOGUE.into_iter().flatten()
}

/// A data set as published.
pub(crate) struct DataSet {
    /// What configs ask for: the `kind` of an end or of a set of images, or the folder of its files.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) source: &'static str,
    pub(crate) licence: &'static str,
    /// How to get from the source's download to the files.
    pub(crate) advice: &'static str,
    /// The forms in which it is published; the files of one of them suffice.
    pub(crate) layouts: &'static [&'static [DataFile]],
}

/// One file or folder of a data set.
pub(crate) struct DataFile {
    /// Where it has to lie, below the folder of the data sets.
    pub(crate) path: &'static str,
    pub(crate) content: Content,
}

/// What a whole file is known by.
pub(crate) enum Content {
    Known {
        bytes: u64,
        sha256: &'static str,
    },
    /// Neither size nor hash are known; the program checks what it reads.
    Unknown,
    Folder {
        n_files: usize,
        ending: &'static str,
    },
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
        all().find(|set| set.name == name)
    }

    /// The files of the first layout that is there, or of the first one.
    pub(crate) fn files(&self, dir: &Path, check: Check) -> &'static [DataFile] {
        let whole = |files: &[DataFile]| files.iter().all(|file| file.state(dir, check).is_ok());
        let found = self.layouts.iter().find(|files| whole(files));
        found.or(self.layouts.first()).copied().unwrap_or_default()
    }

    /// Fails unless every file of a layout lies below `dir` and is whole; the message says what to get and from
    /// where.
    pub(crate) fn require(&self, dir: &Path, check: Check) -> Result<()> {
        if self.files(dir, check).iter().all(|file| file.state(dir, check).is_ok()) {
            return Ok(());
        }
        let shown = |files: &&[DataFile]| -> String {
            files.iter().map(|file| file.shown(&file.state(dir, check))).collect()
        };
        let files = self.layouts.iter().map(shown).collect::<Vec<_>>().join("\n  or");
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
    const fn unknown(path: &'static str) -> Self {
        Self { path, content: Content::Unknown }
    }

    /// Whether the file is there and whole; the error is what's wrong.
    pub(crate) fn state(&self, dir: &Path, check: Check) -> Result<()> {
        let path = dir.join(self.path);
        let found = fs::metadata(&path).ok().context("missing")?;
        match self.content {
            Content::Known { bytes, .. } if found.len() != bytes => {
                bail!("wrong size: {} bytes", found.len())
            }
            Content::Known { sha256, .. } if check == Check::Hash => digest::require(&path, sha256),
            Content::Known { .. } | Content::Unknown => Ok(()),
            Content::Folder { n_files, ending } => match count(&path, ending)? {
                found if found == n_files => Ok(()),
                found => bail!("wrong number of .{ending} files: {found}"),
            },
        }
    }

    /// Its path and state, and what it should be.
    fn shown(&self, state: &Result<()>) -> String {
        let state = state.as_ref().map_or_else(|error| format!("{error:#}"), |()| "present".to_owned());
        let known = match self.content {
            Content::Known { bytes, sha256 } => format!("\n    {bytes} bytes, SHA-256 {sha256}"),
            Content::Unknown => String::new(),
            Content::Folder { n_files, ending } => format!("\n    {n_files} files .{ending}"),
        };
        format!("\n  {}: {state}{known}", self.path)
    }

    /// How many bytes it has, where that is known or it is there.
    pub(crate) fn bytes(&self, dir: &Path) -> Option<u64> {
        match self.content {
            Content::Known { bytes, .. } => Some(bytes),
            Content::Unknown => fs::metadata(dir.join(self.path)).ok().map(|found| found.len()),
            Content::Folder { .. } => None,
        }
    }
}

/// How many files in a folder have this ending.
fn count(folder: &Path, ending: &str) -> Result<usize> {
    let mut n = 0;
    for entry in fs::read_dir(folder).context("not a folder")? {
        n += usize::from(entry.context("unreadable")?.path().extension().is_some_and(|own| own == ending));
    }
    Ok(n)
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
        layouts: &[&[DataFile {
            path: "letters/abc.txt",
            content: Content::Known {
                bytes: 3,
                sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            },
        }]],
    };

    const LAYOUTS: DataSet = DataSet {
        layouts: &[
            &[DataFile::unknown("letters/abc.csv"), DataFile::unknown("letters/def.csv")],
            &[DataFile { path: "letters", content: Content::Folder { n_files: 2, ending: "jpg" } }],
        ],
        ..SET
    };

    /// The state of [`LAYOUTS`] with these files.
    fn layouts(files: &[&str]) -> Result<(), String> {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("letters")).unwrap();
        for file in files {
            fs::write(dir.path().join("letters").join(file), "x").unwrap();
        }
        LAYOUTS.require(dir.path(), Check::Size).map_err(|error| error.to_string())
    }

    #[test]
    fn one_whole_layout_suffices() {
        assert_eq!(layouts(&["abc.csv", "def.csv"]), Ok(()));
        assert_eq!(layouts(&["a.jpg", "b.jpg", "b.png"]), Ok(()));
        let message = layouts(&["abc.csv", "a.jpg"]).unwrap_err();
        for part in [
            "abc.csv: present",
            "def.csv: missing",
            "\n  or\n  letters: wrong number of .jpg files: 1",
            "2 files .jpg",
        ] {
            assert!(message.contains(part), "no {part:?} in {message}");
        }
    }

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
        for set in all() {
            assert_eq!(DataSet::named(set.name).unwrap().title, set.title, "two data sets of one name");
            assert!(!set.layouts.is_empty(), "{}", set.name);
            for file in set.layouts.iter().copied().flatten() {
                // An archive's own folder will do.
                let folder = file.path.split('/').next().unwrap().replace('-', "");
                let name = set.name.replace('-', "");
                let own = name.starts_with(&folder) || folder.starts_with(&name);
                assert!(own, "{} is not below its set's folder", file.path);
                if let Content::Known { sha256, .. } = file.content {
                    assert_eq!(sha256.len(), 64);
                }
            }
        }
    }
}

//! The data sets that experiments may need, read from the cards that the data crate keeps of them.
//!
//! The files are named, measured and checked here; `fetch` gets them where their publishers let a program do that.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::{
    digest,
    publishers::{self, Publication},
    workspace::Workspace,
};

/// Where in the workspace the cards lie, one file for each data set.
const CARDS: &str = "crates/data/catalogue";

/// Every data set that has a card, sorted by name.
pub(crate) struct Catalogue(Vec<DataSet>);

/// A data set as published.
#[derive(Deserialize)]
pub(crate) struct DataSet {
    /// What configs ask for: the `kind` of a data set or of a set of images, or the folder of its files.
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) source: String,
    pub(crate) licence: String,
    /// How to get from the source's download to the files.
    advice: String,
    /// The forms in which it is published; the files of one of them suffice.
    layouts: Vec<Layout>,
}

#[derive(Deserialize)]
struct Layout {
    files: Vec<DataFile>,
}

/// One file or folder of a data set.
#[derive(Deserialize)]
pub(crate) struct DataFile {
    /// Where it has to lie, below the folder of the data sets.
    pub(crate) path: String,
    #[serde(flatten)]
    content: Content,
}

/// What a whole file is known by.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Known {
        bytes: u64,
        sha256: String,
    },
    Folder {
        n_files: usize,
        ending: String,
    },
    /// Neither size nor hash are known; the program checks what it reads.
    Unknown {},
}

/// How closely files are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    Size,
    Hash,
}

impl Catalogue {
    /// Reads all cards of the workspace.
    pub(crate) fn read(workspace: &Workspace) -> Result<Self> {
        let folder = workspace.root().join(CARDS);
        let context = || format!("cannot read the catalogue of data sets: {}", folder.display());
        let mut sets = Vec::new();
        for entry in fs::read_dir(&folder).with_context(context)? {
            let path = entry.with_context(context)?.path();
            let card = || format!("cannot read the card of a data set: {}", path.display());
            sets.push(toml::from_str(&fs::read_to_string(&path).with_context(card)?).with_context(card)?);
        }
        sets.sort_by(|a: &DataSet, b| a.name.cmp(&b.name));
        Ok(Self(sets))
    }

    /// Every data set.
    pub(crate) fn all(&self) -> impl Iterator<Item = &DataSet> {
        self.0.iter()
    }

    /// The data set of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&DataSet> {
        self.all().find(|set| set.name == name)
    }
}

impl DataSet {
    /// The files of the first layout that is there, or of the first one.
    pub(crate) fn files(&self, dir: &Path, check: Check) -> &[DataFile] {
        let whole = |layout: &&Layout| layout.files.iter().all(|file| file.state(dir, check).is_ok());
        let found = self.layouts.iter().find(whole);
        found.or(self.layouts.first()).map_or(&[], |layout| &layout.files)
    }

    /// Whether every file of a layout lies below `dir` and is whole.
    pub(crate) fn is_whole(&self, dir: &Path, check: Check) -> bool {
        self.files(dir, check).iter().all(|file| file.state(dir, check).is_ok())
    }

    /// What of the most nearly complete layout lies below `dir`, in lines.
    pub(crate) fn states(&self, dir: &Path) -> String {
        let n_whole = |layout: &&Layout| {
            layout.files.iter().filter(|file| file.state(dir, Check::Hash).is_ok()).count()
        };
        self.layouts
            .iter()
            .rev()
            .max_by_key(n_whole)
            .map_or_else(String::new, |layout| layout.states(dir, Check::Hash))
    }

    /// Fails unless every file of a layout lies below `dir` and is whole; the message says what to get and from
    /// where.
    pub(crate) fn require(&self, dir: &Path, check: Check) -> Result<()> {
        if self.is_whole(dir, check) {
            return Ok(());
        }
        let files =
            self.layouts.iter().map(|layout| layout.states(dir, check)).collect::<Vec<_>>().join("\n  or");
        let fetch = match publishers::publication(&self.name) {
            Some(Publication::Open(_)) => {
                format!(
                    "cargo xtask data {} --fetch downloads it once its terms are read, or\n      ",
                    self.name
                )
            }
            _ => String::new(),
        };
        bail!(
            "the data set `{name}` is not complete in {dir}{files}\n  \
             from: {title} ({source}, {licence})\n\
             hint: {fetch}put it into {dir} under that path ({advice}),\n      \
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

impl Layout {
    /// What of it lies below `dir`, in lines.
    fn states(&self, dir: &Path, check: Check) -> String {
        self.files.iter().map(|file| file.shown(&file.state(dir, check))).collect()
    }
}

impl DataFile {
    /// Whether the file is there and whole; the error is what's wrong.
    pub(crate) fn state(&self, dir: &Path, check: Check) -> Result<()> {
        let path = dir.join(&self.path);
        let found = fs::metadata(&path).ok().context("missing")?;
        match &self.content {
            Content::Known { bytes, .. } if found.len() != *bytes => {
                bail!("wrong size: {} bytes", found.len())
            }
            Content::Known { sha256, .. } if check == Check::Hash => digest::require(&path, sha256),
            Content::Known { .. } | Content::Unknown {} => Ok(()),
            Content::Folder { n_files, ending } => match count(&path, ending)? {
                found if found == *n_files => Ok(()),
                found => bail!("wrong number of .{ending} files: {found}"),
            },
        }
    }

    /// Its path and state, and what it should be.
    fn shown(&self, state: &Result<()>) -> String {
        let state = state.as_ref().map_or_else(|error| format!("{error:#}"), |()| "present".to_owned());
        let known = match &self.content {
            Content::Known { bytes, sha256 } => format!("\n    {bytes} bytes, SHA-256 {sha256}"),
            Content::Unknown {} => String::new(),
            Content::Folder { n_files, ending } => format!("\n    {n_files} files .{ending}"),
        };
        format!("\n  {}: {state}{known}", self.path)
    }

    /// How many bytes it has, where that is known or it is there.
    pub(crate) fn bytes(&self, dir: &Path) -> Option<u64> {
        match self.content {
            Content::Known { bytes, .. } => Some(bytes),
            Content::Unknown {} => fs::metadata(dir.join(&self.path)).ok().map(|found| found.len()),
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

    const HEAD: &str = r#"
name = "letters"
title = "Three letters"
source = "the alphabet"
licence = "CC0"
advice = "as it is"
"#;

    const FILE: &str = r#"
[[layouts]]
files = [
    { path = "letters/abc.txt", bytes = 3, sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
]
"#;

    const LAYOUTS: &str = r#"
[[layouts]]
files = [{ path = "letters/abc.csv" }, { path = "letters/def.csv" }]

[[layouts]]
files = [{ path = "letters", n_files = 2, ending = "jpg" }]
"#;

    /// The set of letters with these layouts.
    fn set(layouts: &str) -> DataSet {
        toml::from_str(&format!("{HEAD}{layouts}")).unwrap()
    }

    /// The state of [`LAYOUTS`] with these files.
    fn layouts(files: &[&str]) -> Result<(), String> {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("letters")).unwrap();
        for file in files {
            fs::write(dir.path().join("letters").join(file), "x").unwrap();
        }
        set(LAYOUTS).require(dir.path(), Check::Size).map_err(|error| error.to_string())
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
        set(FILE).require(dir.path(), check).map_err(|error| error.to_string())
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

    /// The data crate checks the cards closely; here they only have to be found under the right names.
    #[test]
    fn the_workspaces_cards_are_read() {
        let workspace = Workspace::at(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
        let catalogue = Catalogue::read(&workspace).unwrap();
        for set in catalogue.all() {
            assert_eq!(catalogue.named(&set.name).unwrap().title, set.title, "two data sets of one name");
            assert!(
                workspace.root().join(CARDS).join(format!("{}.toml", set.name)).is_file(),
                "{}",
                set.name
            );
            for file in set.layouts.iter().flat_map(|layout| &layout.files) {
                // An archive's own folder will do.
                let folder = file.path.split('/').next().unwrap().replace('-', "");
                let name = set.name.replace('-', "");
                let own = name.starts_with(&folder) || folder.starts_with(&name);
                assert!(own, "{} is not below its set's folder", file.path);
            }
        }
        let power = catalogue.named("power").unwrap();
        assert!(matches!(power.layouts[0].files[0].content, Content::Known { bytes: 132_960_755, .. }));
        let bsds300 = catalogue.named("bsds300").unwrap();
        assert!(matches!(bsds300.layouts[0].files[0].content, Content::Unknown {}));
        assert!(matches!(bsds300.layouts[1].files[0].content, Content::Folder { n_files: 200, .. }));
    }

    #[test]
    fn a_card_that_cannot_be_read_is_named() {
        let root = tempfile::tempdir().unwrap();
        let refused = || format!("{:#}", Catalogue::read(&Workspace::at(root.path())).err().unwrap());
        assert!(refused().contains("cannot read the catalogue"));
        fs::create_dir_all(root.path().join(CARDS)).unwrap();
        fs::write(root.path().join(CARDS).join("a.toml"), HEAD).unwrap();
        let message = refused();
        assert!(message.contains("a.toml") && message.contains("layouts"), "{message}");
    }
}

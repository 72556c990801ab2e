//! Cards of published data sets.
//!
//! A card says what a data set's files are, how they are recognised and where they are to be had. Cards are TOML files in
//! this crate's folder `catalogue`, one for each data set: `cargo xtask data` and `cargo xtask experiment` read the
//! same files.

use serde::Deserialize;

use crate::error::{Error, Result};

/// What there is to know about the files of a published data set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// What configs ask for: the `kind` of a data set or of a set of images, or the folder of its files.
    pub name: String,
    /// What the data are, in a few words.
    pub title: String,
    /// Who publishes it, and where.
    pub source: String,
    /// The licence that the source states.
    pub licence: String,
    /// How to get from the source's download to the files.
    pub advice: String,
    /// The forms in which the data set is published; the files of one of them suffice.
    pub layouts: Vec<Layout>,
}

/// The files of one form in which a data set is published.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// The files and folders, all of which are needed.
    pub files: Vec<DataFile>,
}

/// A file or a folder of files of a published data set. What is not known of it is checked by the program that reads it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataFile {
    /// Where it has to lie, below the folder of the data sets.
    pub path: String,
    /// How many bytes the file has.
    pub bytes: Option<u64>,
    /// The file's SHA-256, 64 hexadecimal digits.
    pub sha256: Option<String>,
    /// How many files the folder has.
    pub n_files: Option<usize>,
    /// The ending of those files.
    pub ending: Option<String>,
}

impl Card {
    /// Reads a card.
    ///
    /// # Errors
    /// [`Error::Card`] if the text is no TOML, or lacks a key or has another one.
    pub fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| Error::Card { problem: error.to_string() })
    }
}

//! Cards of published data sets.
//!
//! A card says which files a data set has, how they are recognised, and where they can be had. Cards are TOML files
//! in this crate's folder `catalogue`, one for each data set; `cargo xtask data` and `cargo xtask experiment` read
//! the same files.

use serde::Deserialize;

use crate::error::{Error, Result};

/// The description of the files of a published data set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// The name in configs: the `kind` of a data set or of a set of images, or the folder of its files.
    pub name: String,
    /// What the data are, in a few words.
    pub title: String,
    /// Who publishes it, and where.
    pub source: String,
    /// The licence that the source states.
    pub licence: String,
    /// How to get from what the source offers to the files.
    pub advice: String,
    /// The layouts in which the data set is published. The files of one of them suffice.
    pub layouts: Vec<Layout>,
}

/// One layout of the files of a published data set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// The files and folders, all of which are needed.
    pub files: Vec<DataFile>,
}

/// A file or a folder of files of a published data set. What is not given here is checked by the program that reads
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataFile {
    /// Its path below the folder of the data sets.
    pub path: String,
    /// The size of the file in bytes.
    pub bytes: Option<u64>,
    /// The file's SHA-256, 64 hexadecimal digits.
    pub sha256: Option<String>,
    /// The number of files in the folder.
    pub n_files: Option<usize>,
    /// The ending of the names of those files.
    pub ending: Option<String>,
}

impl Card {
    /// Reads a card.
    ///
    /// # Errors
    /// [`Error::Card`] if the text is not TOML, lacks a key, or has an unknown one.
    pub fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| Error::Card { problem: error.to_string() })
    }
}

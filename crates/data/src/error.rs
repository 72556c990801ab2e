//! What can go wrong in this crate; every message names the file.

use std::io;
use std::path::{Path, PathBuf};

use crate::sizes::Sizes;

/// The result of a fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Data that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or written.
    #[error("cannot {action}: {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The noise of a cell has a width that it cannot have.
    #[error("dequantise.width must be in 0.5..=6, found: {width}")]
    Place {
        /// The width.
        width: f64,
    },
    /// A data set's file is not where it has to lie.
    #[error("the data set `{name}` is not there: {}\nhint: `cargo xtask data {name}` says where to get it", path.display())]
    Missing {
        /// The data set's name in the catalogue.
        name: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A data set's file does not have the published number of rows: it is cut or another file.
    #[error(
        "{}: expected {expected} rows of data, found: {found}\nhint: the file is cut or another one; \
         `cargo xtask data {name}` says where to get it",
        path.display()
    )]
    Incomplete {
        /// The data set's name in the catalogue.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// How many rows it should have.
        expected: usize,
        /// How many whole rows it has.
        found: usize,
    },
    /// A data set's parts do not have the published sizes: the file is cut or another one.
    #[error(
        "{}: expected {expected}, found: {found}\nhint: the file is cut or another one; \
         `cargo xtask data {name}` says where to get it",
        path.display()
    )]
    Sizes {
        /// The data set's name in the catalogue.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What the parts should be.
        expected: Sizes,
        /// What they are.
        found: Sizes,
    },
    /// A file's content is not what it should be.
    #[error("{}: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A place in a table is not what it should be.
    #[error("{}, line {line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What is wrong there.
        problem: String,
    },
    /// Rows that cannot be a source of points.
    #[error("{problem}")]
    Rows {
        /// What is wrong with them.
        problem: String,
    },
    /// Images that cannot be a set.
    #[error("{problem}")]
    Images {
        /// What is wrong with them.
        problem: String,
    },
    /// A file is in a format whose decoder this build has not got.
    #[error(
        "this build cannot decode the file: {}\nhint: build interflow-data with its feature `{feature}`",
        path.display()
    )]
    Feature {
        /// The feature of the crate that brings the decoder.
        feature: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A card of the catalogue of published data sets cannot be read.
    #[error("cannot read a card of the catalogue: {problem}")]
    Card {
        /// What is wrong with the card.
        problem: String,
    },
    /// libtorch refused an operation.
    #[error("libtorch failed in {operation}")]
    Torch {
        /// The operation.
        operation: &'static str,
        /// libtorch's own message.
        #[source]
        source: tch::TchError,
    },
}

/// The error that a file's content is not what it should be.
pub(crate) fn content(path: &Path, problem: String) -> Error {
    Error::Content { path: path.to_owned(), problem }
}

/// Makes an error of why a file cannot be read.
pub(crate) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Error {
    |source| Error::Io { action: "read", path: path.into(), source }
}

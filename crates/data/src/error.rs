//! The errors of this crate. Every message names the file.

use std::io;
use std::path::{Path, PathBuf};

use crate::sizes::Sizes;

/// The result of a fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why data cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or written.
    #[error("cannot {action}: {}", path.display())]
    Io {
        /// The operation that failed.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The width of a truncated normal dequantisation noise is out of range ([`crate::PlaceLaw`]).
    #[error("dequantise.width must be in 0.5..=6, found: {width}")]
    Place {
        /// The width.
        width: f64,
    },
    /// A file of a data set is missing.
    #[error("the data set `{name}` is not there: {}\nhint: `cargo xtask data {name}` says where to get it", path.display())]
    Missing {
        /// The data set's name in the catalogue.
        name: &'static str,
        /// The path where it has to be.
        path: PathBuf,
    },
    /// A file does not have the published number of rows. It was cut, or is another file.
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
        /// The published number of rows.
        expected: usize,
        /// The number of complete rows found.
        found: usize,
    },
    /// The parts of a data set do not have the published sizes. The file was cut, or is another one.
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
        /// The published sizes.
        expected: Sizes,
        /// The sizes found.
        found: Sizes,
    },
    /// The content of a file is not as expected.
    #[error("{}: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A line of a table is not as expected.
    #[error("{}, line {line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What is wrong there.
        problem: String,
    },
    /// Rows cannot be used as points.
    #[error("{problem}")]
    Rows {
        /// What is wrong with them.
        problem: String,
    },
    /// Images cannot be used as a set.
    #[error("{problem}")]
    Images {
        /// What is wrong with them.
        problem: String,
    },
    /// The format of a file needs a decoder that is not in this build.
    #[error(
        "this build cannot decode the file: {}\nhint: build interflow-data with its feature `{feature}`",
        path.display()
    )]
    Feature {
        /// The feature of the crate with the decoder.
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
    /// libtorch failed in an operation.
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

/// Makes an error of why a source cannot be read: the one of ours that its reader passed on, if there is one.
pub(crate) fn carried(path: &Path) -> impl FnOnce(io::Error) -> Error {
    |source| source.downcast::<Error>().unwrap_or_else(unreadable(path))
}

/// Makes an error of why a file cannot be read.
pub(crate) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Error {
    |source| Error::Io { action: "read", path: path.into(), source }
}

//! What can go wrong in this crate; every message names the file.

use std::path::PathBuf;

use crate::Sizes;

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
        source: std::io::Error,
    },
    /// A data set's file is not where it has to lie.
    #[error("the data set `{name}` is not there: {}\nhint: `cargo xtask data {name}` says where to get it", path.display())]
    Missing {
        /// The data set.
        name: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A data set's file has not the rows that were published: a broken download, or another file.
    #[error(
        "{}: expected {expected} rows of data, found: {found}\nhint: the file is cut or another one; \
         `cargo xtask data {name}` says where to get it",
        path.display()
    )]
    Incomplete {
        /// The data set.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// How many rows it should have.
        expected: usize,
        /// How many whole rows it has.
        found: usize,
    },
    /// A data set's parts have not the published sizes: a broken download, or another file.
    #[error(
        "{}: expected {expected}, found: {found}\nhint: the file is cut or another one; \
         `cargo xtask data {name}` says where to get it",
        path.display()
    )]
    Sizes {
        /// The data set.
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

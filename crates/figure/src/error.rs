//! What can go wrong in this crate; every message names the file.

use std::path::PathBuf;

/// The result of a fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// A picture that cannot be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The picture cannot be encoded as PNG.
    #[error("cannot encode the picture: {}", path.display())]
    Encode {
        /// The file that was to hold the picture.
        path: PathBuf,
        /// The encoder's reason.
        #[source]
        source: image::ImageError,
    },
    /// The file cannot be written.
    #[error("cannot write the picture: {}", path.display())]
    Write {
        /// The file that was to hold the picture.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
}

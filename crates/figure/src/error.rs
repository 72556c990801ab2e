//! The errors of this crate.

/// The result of a fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a figure cannot be encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An image cannot be encoded as PNG.
    #[error("cannot encode the picture as PNG")]
    Encode(#[from] image::ImageError),
    /// The figures cannot be encoded as an animated PNG.
    #[error("cannot encode the animation as PNG")]
    Animate(#[from] png::EncodingError),
    /// A figure has no area.
    #[error("cannot draw a figure that has no area")]
    Empty,
}

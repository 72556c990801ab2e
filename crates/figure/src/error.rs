//! What can go wrong in this crate.

/// The result of a fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// A picture that cannot be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The picture cannot be encoded as PNG.
    #[error("cannot encode the picture as PNG")]
    Encode(#[from] image::ImageError),
    /// The figures cannot be encoded as an animated PNG.
    #[error("cannot encode the animation as PNG")]
    Animate(#[from] png::EncodingError),
    /// The figure has no pixels.
    #[error("cannot draw a figure that has no area")]
    Empty,
}

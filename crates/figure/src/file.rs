//! Pictures as the bytes of a file.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};

use crate::error::Result;

/// `image` as the bytes of a PNG file.
///
/// # Errors
/// [`crate::Error::Encode`] when the image cannot be a PNG file, which has sides of at least one pixel.
pub fn png(image: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

//! Figures as the bytes of a file.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};

use crate::error::Result;

/// `image` as the bytes of a PNG file. Whoever keeps it writes them: this crate touches no disk.
///
/// # Errors
/// [`crate::Error::Encode`] when the image cannot be a PNG file, which has sides of at least one pixel.
pub fn png(image: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_picture_reads_back() {
        let image = RgbImage::from_fn(5, 3, |x, y| image::Rgb([x as u8, y as u8, 7]));
        assert_eq!(image::load_from_memory(&png(&image).unwrap()).unwrap().to_rgb8(), image);
    }

    #[test]
    fn a_picture_without_pixels_is_an_error() {
        let message = png(&RgbImage::new(0, 3)).unwrap_err().to_string();
        assert!(message.contains("cannot encode the picture"), "{message}");
    }
}

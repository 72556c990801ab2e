//! Figures on disk.

use std::io::Cursor;
use std::path::Path;

use anyhow::{Context as _, Result};
use image::{ImageFormat, RgbImage};
use interflow_data::atomic;

/// Writes `image` as a PNG file to `path`, whole or not at all.
///
/// # Errors
/// When the folder doesn't exist or the file can't be written.
pub(crate) fn save_png(path: &Path, image: &RgbImage) -> Result<()> {
    let context = || format!("cannot write the picture: {}", path.display());
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).with_context(context)?;
    atomic::write(path, bytes.get_ref()).with_context(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_picture_reads_back_and_leaves_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let image = RgbImage::from_fn(5, 3, |x, y| image::Rgb([x as u8, y as u8, 7]));
        save_png(&path, &RgbImage::new(1, 1)).unwrap();
        save_png(&path, &image).unwrap();
        assert_eq!(image::open(&path).unwrap().to_rgb8(), image);
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(save_png(&folder.path().join("none/a.png"), &RgbImage::new(1, 1)).is_err());
    }
}

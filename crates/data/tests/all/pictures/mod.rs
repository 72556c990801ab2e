//! Pictures in files of all formats.

#![allow(dead_code, reason = "no test file uses all of it")]

use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageFormat, RgbImage};
use interflow_data::{Folder, Split};

/// A picture as a file of a format.
pub(crate) fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Writes a file and the folders to it.
pub(crate) fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// The folder `pets`, as squares of this side.
pub(crate) fn folder(side: u32) -> Folder {
    Folder { path: "pets".into(), side, split: Split { validation: 0.2, test: 0.1, seed: 1 } }
}

/// A picture whose pixel in row y and column x is (x, y, 9).
pub(crate) fn ramp(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 9])).into()
}

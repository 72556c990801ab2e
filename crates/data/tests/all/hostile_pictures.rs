//! Pictures that are damaged or made to fill the memory.

#![cfg(feature = "images")]

use std::path::Path;

use image::ImageFormat;
use interflow_data::{Folder, ImageParts, Split};

use crate::pictures::{encoded, folder, put, ramp};

/// What loading one picture six times gives.
fn often(data: &Path, name: &str, bytes: &[u8]) -> interflow_data::Result<ImageParts> {
    for number in 0..6 {
        put(&data.join(format!("pets/{number}-{name}")), bytes);
    }
    Folder { split: Split { validation: 0.34, test: 0.34, seed: 1 }, ..folder(4) }.load(data)
}

/// A picture with one byte changed, of a hundred, is refused by its name or read.
#[test]
fn a_changed_byte_of_a_picture_makes_no_decoder_panic() {
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::WebP,
        ImageFormat::Gif,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
    ] {
        let name = format!("a.{}", format.extensions_str()[0]);
        let data = tempfile::tempdir().unwrap();
        let whole = encoded(&ramp(6, 5), format);
        for place in (0..whole.len()).step_by(1 + whole.len() / 100) {
            let mut damaged = whole.clone();
            damaged[place] ^= if place % 2 == 0 { 0xff } else { 0x08 };
            if let Err(error) = often(data.path(), &name, &damaged) {
                assert!(error.to_string().contains(&name), "{error}");
            }
        }
    }
}

/// Headers that claim far more pixels than there are bytes for.
#[test]
fn pictures_that_would_fill_the_memory_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let mut jpeg = encoded(&ramp(64, 64), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|mark| mark == [0xff, 0xc0]).unwrap();
    for side in [16_384u16, 3000] {
        jpeg[frame + 5..frame + 7].copy_from_slice(&side.to_be_bytes());
        jpeg[frame + 7..frame + 9].copy_from_slice(&side.to_be_bytes());
        let message = often(data.path(), "a.jpg", &jpeg).unwrap_err().to_string();
        assert!(message.contains("0-a.jpg: ") && message.contains(&format!("{side}×{side}")), "{message}");
    }
    let data = tempfile::tempdir().unwrap();
    let mut png = encoded(&ramp(64, 64), ImageFormat::Png);
    png[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let mut checksum = flate2::Crc::new();
    checksum.update(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.sum().to_be_bytes());
    let message = often(data.path(), "a.png", &png).unwrap_err().to_string();
    assert!(
        message.contains("0-a.png: a picture of 60000×60000 pixels") && message.contains("hint: "),
        "{message}"
    );
    // A blank page is none of these.
    let data = tempfile::tempdir().unwrap();
    let page = encoded(&image::GrayImage::from_pixel(800, 600, image::Luma([255])).into(), ImageFormat::Png);
    assert_eq!(often(data.path(), "a.png", &page).unwrap().train.n(), 2);
}

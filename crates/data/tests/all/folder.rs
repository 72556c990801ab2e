//! Folders of pictures.

#![cfg(feature = "images")]
#![allow(clippy::unwrap_used)]

use std::fs;

use image::{DynamicImage, ImageFormat, RgbImage};
use interflow_data::{Folder, ImageParts, Images};
use tch::{Kind, Tensor};

use crate::pictures::{encoded, folder, put, ramp};

/// A picture of one colour that tells its number.
fn plain(number: u8, width: u32, height: u32) -> DynamicImage {
    RgbImage::from_pixel(width, height, image::Rgb([number * 3, number * 5, 200 - number])).into()
}

/// Thirty pictures in three subfolders, and files that are none.
fn published() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    for number in 0..30u8 {
        let class = ["cat", "dog", "owl"][usize::from(number) / 10];
        let path = data.path().join(format!("pets/{class}/{number:02}.png"));
        put(&path, &encoded(&plain(number, 8, 8), ImageFormat::Png));
    }
    put(&data.path().join("pets/README"), b"no picture");
    data
}

/// The numbers and classes of plain pictures, sorted by number.
fn contents(parts: &[&Images]) -> Vec<(i64, i64)> {
    let mut all = Vec::new();
    for images in parts {
        let pixels = images.pixels(0, images.n()).view([images.n(), 3, -1]).to_kind(Kind::Int64);
        assert_eq!(pixels, pixels.narrow(2, 0, 1).expand_as(&pixels));
        assert_eq!(pixels.select(1, 0) * 5, pixels.select(1, 1) * 3);
        let numbers: Vec<i64> =
            pixels.select(1, 0).select(1, 0).divide_scalar_mode(3, "floor").try_into().unwrap();
        all.extend(numbers.into_iter().zip(images.labels().iter().copied()));
    }
    all.sort_unstable();
    all
}

fn all(parts: &ImageParts) -> Vec<(i64, i64)> {
    contents(&[&parts.train, &parts.validation, &parts.test])
}

#[test]
fn subfolders_are_classes_and_every_picture_is_in_one_part() {
    let data = published();
    for side in [8, 4] {
        let parts = folder(side).load(data.path()).unwrap();
        assert_eq!((parts.train.n(), parts.validation.n(), parts.test.n()), (21, 6, 3));
        assert_eq!(all(&parts), (0..30).map(|number| (number, number / 10)).collect::<Vec<_>>());
        assert_eq!((parts.test.n_classes(), parts.test.shape().width), (3, i64::from(side)));
        let again = folder(side).load(data.path()).unwrap();
        assert_eq!(contents(&[&again.test]), contents(&[&parts.test]));
    }
}

#[test]
fn a_table_tells_classes_from_one() {
    let data = published();
    let rows: Vec<String> = (0..30).map(|number| format!("{number:02}.png,{}\n", number % 2 + 1)).collect();
    let rows = rows.concat();
    fs::write(data.path().join("pets/labels.csv"), format!("image,class\n{rows}")).unwrap();
    let parts = folder(8).load(data.path()).unwrap();
    assert_eq!(all(&parts), (0..30).map(|number| (number, number % 2)).collect::<Vec<_>>());
    // A table that changes makes the cache anew; one that lacks a picture is refused.
    let rows = rows.replace("07.png,2\n", "07.png,1\n");
    fs::write(data.path().join("pets/labels.csv"), format!("image,class\n{rows}")).unwrap();
    assert_eq!(all(&folder(8).load(data.path()).unwrap())[7], (7, 0));
    fs::write(data.path().join("pets/labels.csv"), rows.replace("08.png,1\n", "")).unwrap();
    let message = folder(8).load(data.path()).unwrap_err().to_string();
    assert!(message.contains("labels.csv") && message.contains("08.png"), "{message}");
}

#[test]
fn parts_that_are_folders_stay_apart() {
    let data = published();
    fs::create_dir(data.path().join("pets/train")).unwrap();
    fs::create_dir(data.path().join("pets/val")).unwrap();
    for (class, part) in [("cat", "train"), ("dog", "train"), ("owl", "val")] {
        fs::rename(data.path().join("pets").join(class), data.path().join("pets").join(part).join(class))
            .unwrap();
    }
    let parts = folder(8).load(data.path()).unwrap();
    assert!(contents(&[&parts.test]).iter().all(|(number, _)| *number >= 20));
    assert!(contents(&[&parts.train, &parts.validation]).iter().all(|(number, _)| *number < 20));
    assert_eq!(parts.test.n(), 10);
}

/// The first image of a folder that holds this picture twenty times.
fn one(name: &str, bytes: &[u8], side: u32) -> interflow_data::Result<Tensor> {
    let data = tempfile::tempdir().unwrap();
    for number in 0..20 {
        put(&data.path().join(format!("pets/{number:02}-{name}")), bytes);
    }
    let parts = folder(side).load(data.path())?;
    Ok(parts.train.pixels(0, 1).view([3, i64::from(side), i64::from(side)]).to_kind(Kind::Int64))
}

#[test]
fn the_central_square_is_kept_to_the_pixel_in_lossless_formats() {
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::Gif]
    {
        let name = format!("a.{}", format.extensions_str()[0]);
        let wide = one(&name, &encoded(&ramp(14, 6), format), 6).unwrap();
        let columns = Tensor::from_slice(&[4i64, 5, 6, 7, 8, 9]);
        assert_eq!(wide.get(0), columns.expand([6, 6], false));
        let rows = Tensor::arange(6, (Kind::Int64, tch::Device::Cpu)).view([6, 1]);
        assert_eq!(wide.get(1), rows.expand([6, 6], false));
        assert_eq!(wide.get(2), Tensor::from(9i64).expand([6, 6], false));
    }
    let tall = one("a.png", &encoded(&ramp(6, 9), ImageFormat::Png), 6).unwrap();
    assert_eq!((tall.int64_value(&[1, 0, 0]), tall.int64_value(&[0, 0, 0])), (1, 0));
}

/// Halving a checkerboard gives its mean: a filter that skips pixels would give black or white.
#[test]
fn resizing_averages_what_is_smaller_than_a_pixel() {
    let board = RgbImage::from_fn(32, 32, |x, y| image::Rgb([if (x + y) % 2 == 0 { 255 } else { 0 }; 3]));
    let small = one("a.png", &encoded(&board.into(), ImageFormat::Png), 16).unwrap();
    let inner = small.narrow(1, 2, 12).narrow(2, 2, 12);
    assert!(inner.min().int64_value(&[]) > 115 && inner.max().int64_value(&[]) < 140, "{inner}");
}

#[test]
fn jpeg_of_colours_and_of_greys_is_read() {
    let colours = one("a.JPG", &encoded(&plain(20, 16, 16), ImageFormat::Jpeg), 16).unwrap();
    let greys = DynamicImage::ImageLuma8(image::GrayImage::from_pixel(16, 16, image::Luma([77])));
    let greys = one("b.jpeg", &encoded(&greys, ImageFormat::Jpeg), 16).unwrap();
    for (found, expected) in [(colours, [60, 100, 180]), (greys, [77, 77, 77])] {
        for (channel, expected) in expected.into_iter().enumerate() {
            let off = (found.get(channel as i64) - expected).abs().max().int64_value(&[]);
            assert!(off <= 3, "channel {channel} is off by {off}");
        }
    }
}

#[test]
fn damaged_pictures_are_refused_by_name() {
    let noise = RgbImage::from_fn(64, 64, |x, y| image::Rgb([(x * 37 + y * 91) as u8, (x * y) as u8, 7]));
    for (name, format) in
        [("a.jpg", ImageFormat::Jpeg), ("a.png", ImageFormat::Png), ("a.webp", ImageFormat::WebP)]
    {
        let whole = encoded(&noise.clone().into(), format);
        assert!(one(name, &whole, 64).is_ok(), "{name}");
        for length in [0, 20, whole.len() / 2, whole.len() - 20] {
            let found = one(name, &whole[..length], 64);
            assert!(found.is_err(), "{length} of {} bytes of {name} pass", whole.len());
            let message = found.unwrap_err().to_string();
            assert!(message.contains(&format!("00-{name}: not a")), "{length} bytes: {message}");
        }
    }
    assert!(one("a.png", b"GIF89a, or something else", 8).is_err());
    assert!(one("a.png", b"no picture at all", 8).is_err());
}

/// Also those that other programs hide in folders of their own.
#[test]
fn what_is_hidden_is_no_picture_and_no_class() {
    let data = published();
    for name in ["cat/._00.png", ".ipynb_checkpoints/00-checkpoint.png", ".DS_Store", "cat/.thumbs/00.png"] {
        put(&data.path().join("pets").join(name), b"no picture");
    }
    let parts = folder(8).load(data.path()).unwrap();
    assert_eq!((all(&parts).len(), parts.train.n_classes()), (30, 3));
}

#[cfg(unix)]
#[test]
fn links_are_followed_once() {
    let data = published();
    let pets = data.path().join("pets");
    std::os::unix::fs::symlink("..", pets.join("cat/loop")).unwrap();
    std::os::unix::fs::symlink("dog", pets.join("wolf")).unwrap();
    fs::create_dir(data.path().join("elsewhere")).unwrap();
    fs::rename(pets.join("owl"), data.path().join("elsewhere/owl")).unwrap();
    std::os::unix::fs::symlink("../elsewhere/owl", pets.join("owl")).unwrap();
    let parts = folder(8).load(data.path()).unwrap();
    assert_eq!(all(&parts), (0..30).map(|number| (number, number / 10)).collect::<Vec<_>>());
}

#[test]
fn a_table_may_tell_names_with_a_header_or_without() {
    for header in ["file,animal\n", ""] {
        let data = published();
        let name = |number: i64| ["zebra", "ant"][usize::from(number % 3 == 0)];
        let rows = (0..30).map(|number| format!("{number:02}.png,{}\n", name(number)));
        let table = data.path().join("pets/labels.csv");
        fs::write(&table, format!("{header}{}", rows.collect::<String>())).unwrap();
        let parts = folder(8).load(data.path()).unwrap();
        let expected = (0..30).map(|number| (number, i64::from(number % 3 != 0)));
        assert_eq!(all(&parts), expected.collect::<Vec<_>>());
        assert_eq!(parts.test.n_classes(), 2);
    }
}

#[test]
fn parts_share_their_classes() {
    let data = tempfile::tempdir().unwrap();
    for number in 0..30u8 {
        let class = ["cat", "dog", "owl"][usize::from(number) / 10];
        let part = if number < 20 { "train" } else { "test" };
        let path = data.path().join(format!("pets/{part}/{class}/{number:02}.png"));
        put(&path, &encoded(&plain(number, 8, 8), ImageFormat::Png));
    }
    let parts = folder(8).load(data.path()).unwrap();
    assert_eq!(all(&parts), (0..30).map(|number| (number, number / 10)).collect::<Vec<_>>());
    assert_eq!((parts.train.n_classes(), parts.test.n_classes()), (3, 3));
}

#[test]
fn a_damaged_cache_is_made_anew() {
    let data = published();
    let whole = all(&folder(8).load(data.path()).unwrap());
    let cache = data.path().join("pets/side8.interflow-cache");
    let mut bytes = fs::read(&cache).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(&cache, bytes).unwrap();
    assert_eq!(all(&folder(8).load(data.path()).unwrap()), whole);
}

#[test]
fn a_folder_without_pictures_is_refused() {
    let data = tempfile::tempdir().unwrap();
    put(&data.path().join("pets/README"), b"none");
    let message = folder(8).load(data.path()).unwrap_err().to_string();
    assert!(message.contains("no pictures"), "{message}");
    assert!(
        Folder { path: "none".into(), ..folder(8) }
            .load(data.path())
            .unwrap_err()
            .to_string()
            .contains("none")
    );
}

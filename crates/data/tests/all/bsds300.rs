//! Patches of photographs, cut from small images that the tests make.

#![cfg(all(feature = "hdf5", feature = "images"))]
#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use interflow_data::{Benchmark, Bsds300, Bsds300Extent, Error, Sizes};
use tch::{Kind, Tensor};

const BSDS: Bsds300 = Bsds300 { extent: EXTENT, ..Bsds300::PUBLISHED };
const EXTENT: Bsds300Extent =
    Bsds300Extent { sizes: Sizes { train: 700, validation: 300, test: 500, dim: 63 }, n_images: [3, 2] };

/// An image whose left half, 8 pixels wide, has one colour and whose right half another. Blocks of one colour survive
/// JPEG within a grey level.
fn halves(left: [u8; 3], right: [u8; 3]) -> RgbImage {
    RgbImage::from_fn(16, 24, |x, _| Rgb(if x < 8 { left } else { right }))
}

fn grey(level: u8) -> [u8; 3] {
    [level; 3]
}

fn folder(train: &[RgbImage], test: &[RgbImage]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (part, images) in [("train", train), ("test", test)] {
        let place = folder.path().join("bsds300/images").join(part);
        fs::create_dir_all(&place).unwrap();
        for (index, image) in images.iter().enumerate() {
            let file = File::create(place.join(format!("{index}.jpg"))).unwrap();
            JpegEncoder::new_with_quality(file, 100).encode_image(image).unwrap();
        }
    }
    folder
}

fn load(train: &[RgbImage], test: &[RgbImage]) -> Result<Benchmark, Error> {
    BSDS.parts(folder(train, test).path())
}

/// Patches with their last pixel, `[n, 8, 8]`, in grey levels.
fn whole(patches: &Tensor) -> Tensor {
    assert_eq!(patches.kind(), Kind::Float);
    let last = -patches.sum_dim_intlist(1i64, true, Kind::Float);
    Tensor::cat(&[patches, &last], 1).view([-1, 8, 8]) * 256.0
}

/// The largest distance of neighbouring columns' means in each patch, `[n]`.
fn steps(patches: &Tensor) -> Vec<f64> {
    let columns = whole(patches).mean_dim(1i64, false, Kind::Float);
    let step = columns.narrow(1, 1, 7) - columns.narrow(1, 0, 7);
    step.amax(1i64, false).to_kind(Kind::Double).try_into().unwrap()
}

/// Checks that patches have a step of one of these heights or none; the noise of a mean of 8 has deviation 0.1.
fn check(patches: &Tensor, heights: &[f64]) {
    let found = steps(patches);
    let near = |height: f64| found.iter().filter(|step| (**step - height).abs() < 2.0).count();
    // One patch in nine lies within one half on either side.
    let flat = near(0.0);
    let total: usize = heights.iter().map(|height| near(*height)).sum();
    assert_eq!(flat + total, found.len(), "{found:?}");
    assert!(heights.iter().all(|height| near(*height) > found.len() / heights.len() / 2), "{found:?}");
    assert!((flat as f64 / found.len() as f64 - 2.0 / 9.0).abs() < 0.1, "{flat}");
}

#[test]
fn each_part_has_patches_of_its_own_images() {
    let train = [(40, 60), (40, 80), (40, 100)].map(|(left, right)| halves(grey(left), grey(right)));
    let test = [(40, 120), (40, 140)].map(|(left, right)| halves(grey(left), grey(right)));
    let parts = load(&train, &test).unwrap();
    assert_eq!(parts.sizes(), EXTENT.sizes);
    check(&parts.train, &[20.0, 40.0]);
    check(&parts.validation, &[60.0]);
    check(&parts.test, &[80.0, 100.0]);
}

#[test]
fn colours_count_by_their_luma() {
    let image = || halves([255, 0, 0], [0, 255, 0]);
    let parts = load(&[image(), image(), image()], &[image(), image()]).unwrap();
    check(&parts.test, &[255.0 * (0.587 - 0.299)]);
}

#[test]
fn noise_is_uniform_in_one_level_and_patches_have_mean_0() {
    let image = || halves(grey(90), grey(90));
    let parts = load(&[image(), image(), image()], &[image(), image()]).unwrap();
    let noise = whole(&parts.train);
    assert!(noise.abs().max().double_value(&[]) < 1.0);
    // Subtracting the mean of 64 leaves 63/64 of the variance 1/12; 44 800 numbers give it within 0.5 %.
    let variance = noise.square().mean(Kind::Double).double_value(&[]);
    assert!((variance * 12.0 * 64.0 / 63.0 - 1.0).abs() < 0.025, "{variance}");
    let kurtosis = noise.pow_tensor_scalar(4).mean(Kind::Double).double_value(&[]) / variance.powi(2);
    assert!((kurtosis - 1.8).abs() < 0.1, "{kurtosis}");
}

#[test]
fn patches_are_the_same_at_every_load() {
    let train = [1, 2, 3].map(|i| halves(grey(40 * i), grey(200)));
    let folder = folder(&train, &train[..2]);
    let [first, second] = [0, 1].map(|_| BSDS.parts(folder.path()).unwrap());
    assert_eq!((first.train, first.test), (second.train, second.test));
}

#[test]
fn the_published_patches_are_read_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bsds300/BSDS300.hdf5");
    fs::create_dir(path.parent().unwrap()).unwrap();
    let write = |n_train: u64| {
        let mut builder = hdf5_pure::FileBuilder::new();
        for (part, n) in [("train", n_train), ("validation", 300), ("test", 500)] {
            let values: Vec<f64> = (0..n * 63).map(|i| (n + i) as f64).collect();
            builder.create_dataset(part).with_f64_data(&values).with_shape(&[n, 63]);
        }
        fs::write(&path, builder.finish().unwrap()).unwrap();
    };
    write(700);
    let parts = BSDS.parts(folder.path()).unwrap();
    for (part, n) in [(&parts.train, 700), (&parts.validation, 300), (&parts.test, 500)] {
        let expected = Tensor::arange_start(n, n + n * 63, (Kind::Float, tch::Device::Cpu)).view([n, 63]);
        assert_eq!(*part, expected);
    }
    write(699);
    let fewer = BSDS.parts(folder.path()).unwrap_err();
    assert!(matches!(fewer, Error::Sizes { name: "bsds300", .. }), "{fewer}");
    fs::write(&path, "no HDF5").unwrap();
    assert!(matches!(BSDS.parts(folder.path()), Err(Error::Content { .. })));
}

#[test]
fn what_cannot_be_used_is_refused() {
    let image = || halves(grey(90), grey(90));
    let few = load(&[image(), image()], &[image(), image()]).unwrap_err();
    assert!(matches!(few, Error::Incomplete { expected: 3, found: 2, .. }), "{few}");
    let small = load(&[image(), image(), image()], &[image(), RgbImage::new(16, 7)]).unwrap_err();
    assert!(small.to_string().contains("found: 16×7"), "{small}");
    let folder = folder(&[image(), image(), image()], &[image(), image()]);
    let path = folder.path().join("bsds300/images/test/1.jpg");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..200]).unwrap();
    let cut = BSDS.parts(folder.path()).unwrap_err();
    assert!(matches!(cut, Error::Content { .. }) && cut.to_string().contains("1.jpg"), "{cut}");
    let missing = BSDS.parts(Path::new("/nowhere")).unwrap_err().to_string();
    assert!(missing.contains("images/train") && missing.contains("xtask data bsds300"), "{missing}");
}

/// A file of small parts, contiguous or in compressed chunks.
fn small(chunks: Option<[u64; 2]>) -> Vec<u8> {
    let mut builder = hdf5_pure::FileBuilder::new();
    for (part, n) in [("train", 7u64), ("validation", 3), ("test", 5)] {
        let values: Vec<f64> = (0..n * 4).map(|i| (n + i) as f64).collect();
        let dataset = builder.create_dataset(part).with_f64_data(&values).with_shape(&[n, 4]);
        if let Some(chunks) = &chunks {
            dataset.with_chunks(chunks).with_deflate(4);
        }
    }
    builder.finish().unwrap()
}

/// Each cut of a file is refused; a file with one byte changed is refused or has parts of the right sizes.
#[test]
fn damaged_archives_are_refused_or_have_the_right_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bsds300/BSDS300.hdf5");
    fs::create_dir(path.parent().unwrap()).unwrap();
    let sizes = Sizes { train: 7, validation: 3, test: 5, dim: 4 };
    let bsds = Bsds300 { extent: Bsds300Extent { sizes, ..EXTENT }, ..BSDS };
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        bsds.parts(folder.path())
    };
    for whole in [small(None), small(Some([2, 4]))] {
        assert_eq!(read(&whole).unwrap().sizes(), sizes);
        for length in (0..whole.len()).step_by(3) {
            assert!(read(&whole[..length]).is_err(), "{length} of {} bytes pass", whole.len());
        }
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= if place % 2 == 0 { 0xff } else { 0x10 };
            match read(&damaged) {
                Ok(parts) => assert_eq!(parts.sizes(), sizes),
                Err(error) => assert!(error.to_string().contains("BSDS300.hdf5"), "{error}"),
            }
        }
    }
}

/// A part of the published size that is not in the file.
#[test]
fn a_part_that_the_file_cannot_hold_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bsds300/BSDS300.hdf5");
    fs::create_dir(path.parent().unwrap()).unwrap();
    let mut whole = small(None);
    let (rows, more) = (7u64.to_le_bytes(), (1u64 << 40).to_le_bytes());
    let places: Vec<usize> = (0..whole.len() - 8).filter(|place| whole[*place..place + 8] == rows).collect();
    assert!(!places.is_empty());
    for place in places {
        whole[place..place + 8].copy_from_slice(&more);
    }
    fs::write(&path, whole).unwrap();
    let sizes = Sizes { train: 1 << 40, validation: 3, test: 5, dim: 4 };
    let bsds = Bsds300 { extent: Bsds300Extent { sizes, ..EXTENT }, ..BSDS };
    let message = bsds.parts(folder.path()).unwrap_err().to_string();
    assert!(message.contains("BSDS300.hdf5"), "{message}");
}

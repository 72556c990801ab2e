//! Downsampled ImageNet from small archives in the published layout.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;

use interflow_data::{Error, Imagenet32};
use npyz::WriterBuilder as _;
use tch::Tensor;

/// Images in a training archive here; archive k has k more.
const N: usize = 2;
const SMALL: Imagenet32 = Imagenet32 { n_validation: 5 };

fn pixels(archive: usize, n: usize) -> Vec<u8> {
    (0..n * 3072).map(|place| ((archive * 7919 + place * 31) % 251) as u8).collect()
}

fn labels(archive: usize, n: usize) -> Vec<i64> {
    (0..n).map(|image| ((archive * 331 + image * 17) % 1000 + 1) as i64).collect()
}

fn npy<T: npyz::AutoSerialize + Copy>(values: &[T], shape: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let options = npyz::WriteOptions::new().default_dtype().shape(shape);
    let mut writer = options.writer(&mut bytes).begin_nd().unwrap();
    writer.extend(values.iter().copied()).unwrap();
    writer.finish().unwrap();
    bytes
}

fn npz(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn archive(number: usize, n: usize, labels: &[i64]) -> Vec<u8> {
    let shape = [n as u64, 3072];
    npz(&[
        ("data.npy", npy(&pixels(number, n), &shape)),
        ("labels.npy", npy(labels, &[labels.len() as u64])),
        ("mean.npy", npy(&vec![0.5f64; 3072], &[3072])),
    ])
}

fn published() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("imagenet32");
    fs::create_dir(&folder).unwrap();
    for number in 1..=10 {
        let n = N + number;
        let bytes = archive(number, n, &labels(number, n));
        fs::write(folder.join(format!("train_data_batch_{number}.npz")), bytes).unwrap();
    }
    fs::write(folder.join("val_data.npz"), archive(11, 3, &labels(11, 3))).unwrap();
    data
}

fn error(data: &Path) -> String {
    SMALL.load(data).unwrap_err().to_string()
}

#[test]
fn the_images_are_the_bytes_of_the_archives() {
    let data = published();
    for _ in ["from the archives", "from the cache"] {
        let parts = SMALL.load(data.path()).unwrap();
        let all: Vec<u8> = (1..=10).flat_map(|number| pixels(number, N + number)).collect();
        let classes = |number| labels(number, N + number).into_iter().map(|label| label - 1);
        let all_labels: Vec<i64> = (1..=10).flat_map(classes).collect();
        let all = Tensor::from_slice(&all).view([-1, 3072]);
        let n_train = all_labels.len() as i64 - 5;
        assert_eq!(parts.train.pixels(0, parts.train.n()), all.narrow(0, 0, n_train));
        assert_eq!(parts.validation.pixels(0, 5), all.narrow(0, n_train, 5));
        assert_eq!(parts.validation.labels(), &all_labels[n_train as usize..]);
        assert_eq!(parts.test.pixels(0, 3), Tensor::from_slice(&pixels(11, 3)).view([3, 3072]));
        assert_eq!((parts.test.n(), parts.test.n_classes()), (3, 1000));
    }
}

/// Writes one archive anew and returns what is said of it.
fn with_archive(bytes: &[u8]) -> String {
    let data = published();
    fs::write(data.path().join("imagenet32/train_data_batch_7.npz"), bytes).unwrap();
    let message = error(data.path());
    assert!(message.contains("train_data_batch_7.npz"), "{message}");
    message
}

#[test]
fn damaged_archives_are_refused_by_name() {
    let whole = archive(7, 4, &labels(7, 4));
    for length in [0, 100, whole.len() / 2, whole.len() - 1] {
        with_archive(&whole[..length]);
    }
    // A flipped bit in the compressed data shows by its checksum or earlier.
    let mut flipped = whole.clone();
    flipped[200] ^= 4;
    with_archive(&flipped);
}

#[test]
fn arrays_of_other_shapes_and_kinds_and_foreign_labels_are_refused() {
    assert!(
        with_archive(&archive(7, 4, &labels(7, 3)))
            .contains("expected labels [4] like the data, found: i8 [3]")
    );
    for label in [0, 1001] {
        let message = with_archive(&archive(7, 4, &[1, 2, label, 3]));
        assert!(
            message.contains(&format!("image 2: expected a label in 1..=1000, found: {label}")),
            "{message}"
        );
    }
    let integers = npy(&vec![1i64; 2 * 3072], &[2, 3072]);
    assert!(
        with_archive(&npz(&[("data.npy", integers), ("labels.npy", npy(&[1i64, 2], &[2]))])).contains("i8")
    );
    let more = npy(&vec![1u8; 2 * 3072], &[2, 3072]).into_iter().chain([0]).collect();
    assert!(
        with_archive(&npz(&[("data.npy", more), ("labels.npy", npy(&[1i64, 2], &[2]))]))
            .contains("found: 6145 bytes")
    );
    assert!(with_archive(&npz(&[("labels.npy", npy(&[1i64], &[1]))])).contains("data"));
}

#[test]
fn what_is_missing_is_named_and_pickles_get_a_hint() {
    let data = published();
    let path = data.path().join("imagenet32/train_data_batch_4.npz");
    fs::remove_file(&path).unwrap();
    let found = SMALL.load(data.path()).unwrap_err();
    assert!(matches!(found, Error::Missing { name: "imagenet32", path: missing } if missing == path));
    fs::write(path.with_extension(""), "pickle").unwrap();
    let message = error(data.path());
    assert!(message.contains("train_data_batch_4: pickles") && message.contains("npz"), "{message}");
}

//! CIFAR-10 from small files in the published layout.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use interflow_data::{Cifar10, Error, ImageParts};
use tch::Tensor;

const RECORD: usize = 3073;
/// Images in a batch here.
const N: usize = 4;
const SMALL: Cifar10 = Cifar10 { n_batch: N, n_validation: 3 };

/// A batch whose bytes are all different in the way of a linear congruence; labels are 0..10 in turn.
fn batch(number: usize) -> Vec<u8> {
    let byte = |image: usize, place: usize| match place {
        0 => ((number * N + image) % 10) as u8,
        place => ((number * 7919 + image * 104_729 + place * 31) % 251) as u8,
    };
    (0..N).flat_map(|image| (0..RECORD).map(move |place| byte(image, place))).collect()
}

/// Six batches below `folder`.
fn publish(folder: &Path) -> Vec<PathBuf> {
    fs::create_dir_all(folder).unwrap();
    let names = (1..6).map(|n| format!("data_batch_{n}.bin")).chain(["test_batch.bin".to_owned()]);
    let paths: Vec<PathBuf> = names.map(|name| folder.join(name)).collect();
    for (number, path) in paths.iter().enumerate() {
        fs::write(path, batch(number)).unwrap();
    }
    paths
}

fn published() -> (tempfile::TempDir, PathBuf) {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("cifar10/cifar-10-batches-bin");
    publish(&folder);
    (data, folder)
}

fn error(data: &Path) -> String {
    SMALL.load(data).unwrap_err().to_string()
}

/// The records' bytes behind the labels, and the labels.
fn check(parts: &ImageParts) {
    let train: Vec<u8> = (0..5).flat_map(batch).collect();
    let images = |records: &[u8]| {
        let pixels: Vec<u8> = records.chunks(RECORD).flat_map(|record| record[1..].to_vec()).collect();
        let labels: Vec<i64> = records.chunks(RECORD).map(|record| i64::from(record[0])).collect();
        (Tensor::from_slice(&pixels).view([-1, 3072]), labels)
    };
    let (known, test) = (5 * N, batch(5));
    for (part, records) in [
        (&parts.train, &train[..(known - 3) * RECORD]),
        (&parts.validation, &train[(known - 3) * RECORD..]),
        (&parts.test, &test[..]),
    ] {
        let (pixels, labels) = images(records);
        assert_eq!((part.pixels(0, part.n()), part.labels()), (pixels, &labels[..]));
        assert_eq!((part.n_levels(), part.n_classes(), part.shape().dim()), (256, 10, 3072));
    }
}

#[test]
fn the_images_are_the_bytes_of_the_files_also_from_the_cache() {
    let (data, folder) = published();
    check(&SMALL.load(data.path()).unwrap());
    assert!(folder.join("train.interflow-cache").is_file());
    check(&SMALL.load(data.path()).unwrap());
}

#[test]
fn the_unpacked_archive_may_lie_in_the_data_folder_itself() {
    let data = tempfile::tempdir().unwrap();
    publish(&data.path().join("cifar-10-batches-bin"));
    check(&SMALL.load(data.path()).unwrap());
}

#[test]
fn a_changed_or_damaged_file_makes_the_cache_anew() {
    let (data, folder) = published();
    check(&SMALL.load(data.path()).unwrap());
    fs::write(folder.join("train.interflow-cache"), "damaged").unwrap();
    check(&SMALL.load(data.path()).unwrap());
    let mut other = batch(5);
    other[1] ^= 1;
    fs::write(folder.join("test_batch.bin"), &other).unwrap();
    let found = SMALL.load(data.path()).unwrap().test.pixels(0, 1);
    assert_eq!(found.int64_value(&[0, 0]), i64::from(other[1]));
}

#[test]
fn cut_long_and_foreign_files_are_refused_by_name() {
    let (data, folder) = published();
    let path = folder.join("data_batch_3.bin");
    fs::write(&path, &batch(2)[..RECORD + 7]).unwrap();
    assert!(
        error(data.path()).contains("data_batch_3.bin: expected 4 images of 3073 bytes, found: 3080 bytes")
    );
    fs::write(&path, [batch(2), vec![0]].concat()).unwrap();
    assert!(error(data.path()).contains("data_batch_3.bin"));
    let mut foreign = batch(2);
    foreign[RECORD] = 10;
    fs::write(&path, foreign).unwrap();
    let message = error(data.path());
    assert!(message.contains("data_batch_3.bin: image 1: expected a label below 10, found: 10"), "{message}");
    fs::remove_file(&path).unwrap();
    assert!(
        matches!(SMALL.load(data.path()), Err(Error::Missing { name: "cifar10", path: missing }) if missing == path)
    );
    assert!(!folder.join("train.interflow-cache").exists());
}

#[test]
fn pickles_are_refused_with_a_hint() {
    let data = tempfile::tempdir().unwrap();
    assert!(matches!(SMALL.load(data.path()), Err(Error::Missing { .. })));
    fs::create_dir_all(data.path().join("cifar-10-batches-py")).unwrap();
    let message = error(data.path());
    assert!(
        message.contains("cifar-10-batches-py") && message.contains("cifar-10-binary.tar.gz"),
        "{message}"
    );
}

#[test]
fn a_validation_part_that_leaves_no_images_is_refused() {
    let (data, _folder) = published();
    for n_validation in [0, 20, -1] {
        let error = Cifar10 { n_validation, ..SMALL }.load(data.path()).unwrap_err().to_string();
        assert!(error.contains("n_validation"), "{error}");
    }
}

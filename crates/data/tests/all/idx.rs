//! IDX files, plain and compressed.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use interflow_data::Idx;
use tch::Tensor;

const AXES: [u32; 3] = [6, 2, 3];

fn idx(axes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, axes.len() as u8];
    file.extend(axes.iter().flat_map(|axis| axis.to_be_bytes()));
    file.extend(bytes);
    file
}

fn pixels(offset: u8) -> Vec<u8> {
    (0..36).map(|place| place * 7 + offset).collect()
}

const LABELS: [u8; 6] = [3, 0, 1, 1, 0, 2];

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Training files compressed, test files plain.
fn published() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("mnist");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("train-images-idx3-ubyte.gz"), gz(&idx(&AXES, &pixels(0)))).unwrap();
    fs::write(folder.join("train-labels-idx1-ubyte.gz"), gz(&idx(&[6], &LABELS))).unwrap();
    fs::write(folder.join("t10k-images-idx3-ubyte"), idx(&AXES, &pixels(1))).unwrap();
    fs::write(folder.join("t10k-labels-idx1-ubyte"), idx(&[6], &LABELS)).unwrap();
    data
}

fn load(data: &Path) -> interflow_data::Result<interflow_data::ImageParts> {
    Idx { path: "mnist".into(), n_validation: 2 }.load(data)
}

#[test]
fn the_images_are_the_bytes_of_the_files() {
    let data = published();
    for _ in ["from the files", "from the cache"] {
        let parts = load(data.path()).unwrap();
        let all = Tensor::from_slice(&pixels(0)).view([6, 6]);
        assert_eq!(parts.train.pixels(0, 4), all.narrow(0, 0, 4));
        assert_eq!((parts.train.labels(), parts.validation.labels()), (&[3, 0, 1, 1][..], &[0, 2][..]));
        assert_eq!(parts.validation.pixels(0, 2), all.narrow(0, 4, 2));
        assert_eq!(parts.test.pixels(0, 6), Tensor::from_slice(&pixels(1)).view([6, 6]));
        let shape = parts.test.shape();
        assert_eq!((shape.channels, shape.height, shape.width, parts.test.n_classes()), (1, 2, 3, 4));
    }
}

fn refused(file: &str, bytes: &[u8], part: &str) {
    let data = published();
    fs::write(data.path().join("mnist").join(file), bytes).unwrap();
    let message = load(data.path()).unwrap_err().to_string();
    assert!(message.contains(file) && message.contains(part), "{message}");
}

#[test]
fn damaged_files_are_refused_by_name() {
    let (images, whole) = ("t10k-images-idx3-ubyte", idx(&AXES, &pixels(1)));
    refused(images, &whole[..whole.len() - 1], "expected 36 bytes, found: 35");
    refused(images, &[&whole[..], &[0]].concat(), "expected 36 bytes, found: 37");
    refused(images, &whole[..7], "not a whole IDX file");
    refused(images, &idx(&[36], &pixels(1)), "expected axes [N, H, W], found: [36]");
    refused(images, b"\x00\x00\x0d\x01....", "not an IDX file of bytes");
    refused("t10k-labels-idx1-ubyte", &idx(&[5], &LABELS[..5]), "one label for each of 6 images, found: 5");
    let compressed = gz(&idx(&AXES, &pixels(0)));
    refused("train-images-idx3-ubyte.gz", &compressed[..compressed.len() - 9], "not a whole IDX file");
}

#[test]
fn a_missing_file_is_named() {
    let data = published();
    fs::remove_file(data.path().join("mnist/train-labels-idx1-ubyte.gz")).unwrap();
    let message = load(data.path()).unwrap_err().to_string();
    assert!(message.contains("train-labels-idx1-ubyte"), "{message}");
}

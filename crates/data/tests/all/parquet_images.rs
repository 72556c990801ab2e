//! Sets of encoded pictures in Parquet files.

#![cfg(all(feature = "images", feature = "parquet"))]

use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::{ImageFormat, Rgb, RgbImage};
use interflow_data::{ParquetImages, Split};
use parquet::basic::Compression;
use tch::Tensor;

use crate::parquet_file::{Values, write};

/// A picture of 4×4 pixels that tells its number.
fn picture(number: u8) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_pixel(4, 4, Rgb([number, 2 * number, 7])).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

const PICTURES: &str =
    "message rows { optional group image { optional binary bytes; optional binary path (UTF8); }
                        required int64 label; }";

fn pictures(path: &Path, numbers: std::ops::Range<u8>) {
    let n = numbers.len();
    let columns = [
        Values::Bytes(numbers.clone().map(picture).collect(), vec![2; n]),
        Values::Bytes(vec![], vec![1; n]),
        Values::Integers(numbers.map(|number| i64::from(number % 3)).collect()),
    ];
    write(path, PICTURES, Compression::SNAPPY, &columns);
}

fn load(data: &Path, path: &str) -> interflow_data::Result<interflow_data::ImageParts> {
    let split = Split { validation: 0.2, test: 0.2, seed: 0 };
    ParquetImages { path: path.into(), side: 4, split }.load(data)
}

#[test]
fn pictures_and_labels_of_one_file_are_split() {
    let data = tempfile::tempdir().unwrap();
    pictures(&data.path().join("set.parquet"), 0..20);
    for _ in ["from the file", "from the cache"] {
        let parts = load(data.path(), "set.parquet").unwrap();
        let mut numbers = Vec::new();
        for part in [&parts.train, &parts.validation, &parts.test] {
            let pixels = part.pixels(0, part.n()).view([part.n(), 3, 16]).to_kind(tch::Kind::Int64);
            let red = Vec::<i64>::try_from(pixels.select(1, 0).select(1, 15)).unwrap();
            assert_eq!(pixels.select(1, 1), pixels.select(1, 0) * 2);
            assert_eq!(part.labels(), red.iter().map(|number| number % 3).collect::<Vec<_>>());
            numbers.extend(red);
        }
        assert_eq!((parts.validation.n(), parts.test.n()), (4, 4));
        numbers.sort_unstable();
        assert_eq!(numbers, (0..20).collect::<Vec<_>>());
    }
}

#[test]
fn files_of_a_folder_are_parts_by_their_names() {
    let data = tempfile::tempdir().unwrap();
    fs::create_dir(data.path().join("set")).unwrap();
    for (name, numbers) in
        [("train-00000-of-00002", 0..9), ("train-00001-of-00002", 9..20), ("test-00000-of-00001", 40..43)]
    {
        pictures(&data.path().join(format!("set/{name}.parquet")), numbers);
    }
    let parts = load(data.path(), "set").unwrap();
    assert_eq!((parts.train.n() + parts.validation.n(), parts.test.n()), (20, 3));
    let red = parts.test.pixels(0, 3).select(1, 0);
    assert_eq!(red, Tensor::from_slice(&[40u8, 41, 42]));
}

#[test]
fn rows_without_a_picture_are_refused_by_number() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("set.parquet");
    let columns = [
        Values::Bytes(vec![picture(1), b"GIF89a".to_vec()], vec![2, 2]),
        Values::Bytes(vec![], vec![1; 2]),
        Values::Integers(vec![0, 1]),
    ];
    write(&path, PICTURES, Compression::SNAPPY, &columns);
    let message = load(data.path(), "set.parquet").unwrap_err().to_string();
    assert!(message.contains("set.parquet: row 2: not a"), "{message}");
    let missing = [
        Values::Bytes(vec![picture(1)], vec![2, 0]),
        Values::Bytes(vec![], vec![1, 0]),
        Values::Integers(vec![0, 1]),
    ];
    write(&path, PICTURES, Compression::SNAPPY, &missing);
    let message = load(data.path(), "set.parquet").unwrap_err().to_string();
    assert!(message.contains("row 2: there is no encoded picture"), "{message}");
    let schema = "message rows { required int64 age; required boolean tall; }";
    write(&path, schema, Compression::SNAPPY, &[Values::Integers(vec![1]), Values::Truths(vec![true])]);
    let message = load(data.path(), "set.parquet").unwrap_err().to_string();
    assert!(message.contains("expected a column `image`, found: age, tall"), "{message}");
}

/// The classes of pictures whose labels are texts.
#[test]
fn names_are_classes_in_their_order_in_all_parts() {
    let data = tempfile::tempdir().unwrap();
    fs::create_dir(data.path().join("set")).unwrap();
    let schema = "message rows { optional binary image; optional binary label (UTF8); }";
    let file = |name: &str, labels: &[&str]| {
        let n = labels.len();
        let pictures = (0..n).map(|number| picture(number as u8)).collect();
        let labels = labels.iter().map(|label| label.as_bytes().to_vec()).collect();
        let columns = [Values::Bytes(pictures, vec![1; n]), Values::Bytes(labels, vec![1; n])];
        write(&data.path().join("set").join(name), schema, Compression::SNAPPY, &columns);
    };
    file("train.parquet", &["owl", "cat", "owl", "cat", "owl", "cat", "owl", "cat", "owl", "cat"]);
    file("test.parquet", &["owl", "dog"]);
    let parts = load(data.path(), "set").unwrap();
    assert_eq!(
        (parts.test.labels(), parts.test.n_classes(), parts.train.n_classes()),
        (&[2i64, 1][..], 3, 3)
    );
    assert!(parts.train.labels().iter().all(|label| [0, 2].contains(label)));
    file("test.parquet", &["owl", ""]);
    let message = load(data.path(), "set").unwrap_err().to_string();
    assert!(message.contains("test.parquet: row 2: there is no label"), "{message}");
}

//! Parquet files: tables of numbers and sets of encoded pictures.

#![cfg(all(feature = "images", feature = "parquet"))]
#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use image::{ImageFormat, Rgb, RgbImage};
use interflow_data::{ParquetImages, Sheet, Split};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use tch::Tensor;

/// The values of a column, and the levels at which they are defined.
enum Values {
    Doubles(Vec<f64>, Vec<i16>),
    Integers(Vec<i64>),
    Bytes(Vec<Vec<u8>>, Vec<i16>),
}

fn write(path: &Path, schema: &str, compression: Compression, columns: &[Values]) {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for values in columns {
        let mut column = group.next_column().unwrap().unwrap();
        match values {
            Values::Doubles(values, levels) => {
                column.typed::<DoubleType>().write_batch(values, Some(levels), None).unwrap();
            }
            Values::Integers(values) => {
                column.typed::<Int64Type>().write_batch(values, None, None).unwrap();
            }
            Values::Bytes(values, levels) => {
                let values: Vec<ByteArray> =
                    values.iter().map(|value| ByteArray::from(value.clone())).collect();
                column.typed::<ByteArrayType>().write_batch(&values, Some(levels), None).unwrap();
            }
        }
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

/// Columns of an integer, of numbers of which the second is missing, and of text.
fn table(compression: Compression) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let schema = "message rows { required int64 age; optional double income; optional binary name (UTF8); }";
    let columns = [
        Values::Integers(vec![31, 45, 27]),
        Values::Doubles(vec![0.1, 1e9 + 0.25], vec![1, 0, 1]),
        Values::Bytes(vec![b"ann".to_vec(), b"bob".to_vec(), b"cy".to_vec()], vec![1; 3]),
    ];
    write(&folder.path().join("people.parquet"), schema, compression, &columns);
    folder
}

#[test]
fn columns_are_read_by_name_and_missing_values_named_by_row() {
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::ZSTD(parquet::basic::ZstdLevel::default()),
        Compression::LZ4_RAW,
        Compression::GZIP(parquet::basic::GzipLevel::default()),
    ] {
        let folder = table(compression);
        let sheet = Sheet::read(&folder.path().join("people.parquet")).unwrap();
        assert_eq!((sheet.names(), sheet.n_rows()), (&["age", "income", "name"].map(str::to_owned)[..], 3));
        let numbers = sheet.numbers(&[1, 0]).unwrap();
        let expected = Tensor::from_slice(&[0.1, 31.0, f64::NAN, 45.0, 1e9 + 0.25, 27.0]).view([3, 2]);
        assert!(numbers.allclose(&expected, 0.0, 0.0, true), "{numbers}");
        let message = sheet.complete_numbers(&[1]).unwrap_err().to_string();
        assert!(message.ends_with("people.parquet: missing values in 1 row: row 2"), "{message}");
        let message = sheet.numbers(&[2]).unwrap_err().to_string();
        assert!(message.contains("`name` (text, \"ann\" in row 1)"), "{message}");
    }
}

#[test]
fn damaged_files_are_refused_by_name() {
    let folder = table(Compression::SNAPPY);
    let path = folder.path().join("people.parquet");
    let whole = fs::read(&path).unwrap();
    for length in [0, 3, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        let message = Sheet::read(&path).unwrap_err().to_string();
        assert!(message.contains("people.parquet: not a whole Parquet file"), "{message}");
    }
}

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
    let folder = table(Compression::SNAPPY);
    let message = load(folder.path(), "people.parquet").unwrap_err().to_string();
    assert!(message.contains("expected a column `image`, found: age, income, name"), "{message}");
}

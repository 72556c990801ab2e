//! Tables in Parquet files.

#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::sync::Arc;

use interflow_data::{Sheet, TextFormat};
use parquet::basic::Compression;
use parquet::data_type::Int64Type;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use tch::Tensor;

use crate::parquet_file::{Values, write};

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
        Compression::BROTLI(parquet::basic::BrotliLevel::default()),
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

fn sheet(schema: &str, columns: &[Values]) -> interflow_data::Result<Sheet> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, schema, Compression::SNAPPY, columns);
    Sheet::read(&path)
}

/// The rows as CSV without the header and with an empty column more.
fn text(sheet: &Sheet) -> String {
    let nothing = vec![String::new(); sheet.n_rows()];
    let csv = String::from_utf8(sheet.csv_with("", &nothing).unwrap()).unwrap();
    csv.lines().skip(1).flat_map(|line| [line.trim_end_matches(','), "\n"]).collect()
}

/// Also dates at which no calendar goes, in a file whose other columns are wanted.
#[test]
fn dates_times_decimals_and_numbers_without_a_sign_are_read() {
    let found = sheet(
        "message rows { required int32 d (DATE); required int64 t (TIMESTAMP_MICROS); required int32 s (TIME_MILLIS);
                        required int64 m (DECIMAL(9, 2)); required int32 u (UINT_32); required boolean b; required int64 a; }",
        &[
            Values::Small(vec![20_000, i32::MAX, i32::MIN]),
            Values::Integers(vec![1_500_000, i64::MAX, i64::MIN]),
            Values::Small(vec![3_600_500, -1, i32::MAX]),
            Values::Integers(vec![-5, 12345, i64::MIN]),
            Values::Small(vec![1, -1, 0]),
            Values::Truths(vec![true, false, true]),
            Values::Integers(vec![7, 8, 9]),
        ],
    )
    .unwrap();
    assert_eq!(
        text(&found),
        "2024-10-04,1970-01-01T00:00:01.5Z,01:00:00.5,-0.05,1,1,7\n\
         2147483647 days since 1970,9223372036854775807 microseconds since 1970,-1 milliseconds of a day,123.45,4294967295,0,8\n\
         -2147483648 days since 1970,-9223372036854775808 microseconds since 1970,2147483647 milliseconds of a day,\
         -92233720368547758.08,0,1,9\n"
    );
    assert_eq!(found.numbers(&[6]).unwrap(), Tensor::from_slice(&[7.0, 8.0, 9.0]).view([3, 1]));
}

const LISTS: &str =
    "message rows { optional group v (LIST) { repeated group list { optional double element; } }
                                    required int64 a; }";

#[test]
fn lists_of_one_length_are_columns() {
    let lists = Values::Lists(vec![1.5, 2.5, 4.5], vec![3, 3, 0, 2, 3], vec![0, 1, 0, 0, 1]);
    let found = sheet(LISTS, &[lists, Values::Integers(vec![7, 8, 9])]).unwrap();
    assert_eq!(found.names(), ["v[1]", "v[2]", "a"]);
    assert_eq!(text(&found), "1.5,2.5,7\n,,8\n,4.5,9\n");
    let lists = Values::Lists(vec![1.5, 2.5, 4.5], vec![3, 3, 3], vec![0, 1, 0]);
    let message = sheet(LISTS, &[lists, Values::Integers(vec![7, 8])]).unwrap_err().to_string();
    assert!(message.contains("a.parquet: row 2: column `v` has lists of different lengths"), "{message}");
    assert!(message.contains("expected 2 elements, found: 1\nhint: "), "{message}");
}

/// Whose first rows are missing, empty, and missing in a block that is read at once.
#[test]
fn lists_have_as_many_elements_as_the_first_that_has_some() {
    for n_empty in [1, 2, 400] {
        let definition = (0..n_empty).map(|row| row % 2).chain([3, 3]).collect();
        let repetition = (0..n_empty).map(|_| 0).chain([0, 1]).collect();
        let lists = Values::Lists(vec![1.5, 2.5], definition, repetition);
        let numbers = Values::Integers((0..=n_empty.into()).collect());
        let found = sheet(LISTS, &[lists, numbers]).unwrap();
        assert_eq!(found.names(), ["v[1]", "v[2]", "a"]);
        assert!(text(&found).starts_with(",,0\n") && text(&found).ends_with(&format!("1.5,2.5,{n_empty}\n")));
    }
}

/// As some writers leave their texts.
#[test]
fn bytes_that_are_letters_are_a_text() {
    let towns = [&b"Ulm"[..], b"K\xc3\xb6ln", b"\xff", b"\x01\x02"].map(<[u8]>::to_vec).to_vec();
    let found = sheet("message rows { required binary town; }", &[Values::Bytes(towns, vec![0; 4])]).unwrap();
    assert_eq!(text(&found), "Ulm\nKöln\n[255]\n\"[1, 2]\"\n");
}

#[test]
fn parts_of_groups_are_columns() {
    let schema =
        "message rows { required group p { required double x; optional double y; } required int64 a; }";
    let columns = [
        Values::Doubles(vec![0.5, 1.5], vec![0; 2]),
        Values::Doubles(vec![2.5], vec![0, 1]),
        Values::Integers(vec![1, 2]),
    ];
    let found = sheet(schema, &columns).unwrap();
    assert_eq!(found.names(), ["p.x", "p.y", "a"]);
    assert_eq!(text(&found), "0.5,,1\n1.5,2.5,2\n");
}

/// More rows than are read at once, in one group after another.
#[test]
fn long_files_of_several_groups_are_read_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let schema = Arc::new(parse_message_type("message rows { required int64 a; }").unwrap());
    let mut writer = SerializedFileWriter::new(File::create(&path).unwrap(), schema, Arc::default()).unwrap();
    for numbers in [0..2500, 2500..2500, 2500..3000] {
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&numbers.collect::<Vec<_>>(), None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.close().unwrap();
    let expected = Tensor::arange(3000, (tch::Kind::Double, tch::Device::Cpu)).view([3000, 1]);
    assert_eq!(Sheet::read(&path).unwrap().numbers(&[0]).unwrap(), expected);
}

/// Each cut of a file is refused, and a file with one byte changed is refused or read, in the end.
#[test]
fn damaged_files_are_refused_or_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY] {
        let lists = Values::Lists(vec![1.5, 2.5, 4.5, 5.5], vec![3; 4], vec![0, 1, 0, 1]);
        write(&path, LISTS, compression, &[lists, Values::Integers(vec![7, 8])]);
        let whole = fs::read(&path).unwrap();
        let read = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            Sheet::read(&path)
        };
        assert_eq!(read(&whole).unwrap().n_rows(), 2);
        for length in 0..whole.len() {
            let message = read(&whole[..length]).unwrap_err().to_string();
            assert!(message.contains("a.parquet"), "{message}");
        }
        for place in 0..whole.len() {
            for flip in [0x01, 0x40, 0xff] {
                let mut damaged = whole.clone();
                damaged[place] ^= flip;
                match read(&damaged) {
                    Ok(found) => assert!(found.n_rows() < 1000, "byte {place} gives {} rows", found.n_rows()),
                    Err(error) => assert!(error.to_string().contains("a.parquet"), "{error}"),
                }
            }
        }
    }
}

/// Twelve million missing numbers take a few bytes.
#[test]
fn a_file_that_would_fill_the_memory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let missing = Values::Doubles(vec![], vec![0; 12_000_000]);
    write(&path, "message rows { optional double a; }", Compression::SNAPPY, &[missing]);
    let message = Sheet::read(&path).unwrap_err().to_string();
    assert!(message.contains("a.parquet: 12000000 rows of 1 columns: a file of "), "{message}");
    assert!(message.contains("may take 2147483648 bytes of memory, found: 2304000000\nhint: "), "{message}");
}

/// Columns that are not asked for are not read: here one whose pages are damaged.
#[test]
fn only_the_columns_that_are_asked_for_are_read() {
    let folder = table(Compression::UNCOMPRESSED);
    let path = folder.path().join("people.parquet");
    let mut bytes = fs::read(&path).unwrap();
    let name = bytes.windows(3).position(|window| window == b"ann").unwrap();
    bytes[name] = 0xff;
    fs::write(&path, bytes).unwrap();
    let message = Sheet::read(&path).unwrap_err().to_string();
    assert!(message.contains("people.parquet: ") && message.contains("UTF-8"), "{message}");
    let wanted = ["income", "age"].map(str::to_owned);
    let found = Sheet::read_columns(&path, &wanted, &TextFormat::default()).unwrap();
    assert_eq!(found.names(), ["age", "income"]);
    let message =
        Sheet::read_columns(&path, &["weight".to_owned()], &TextFormat::default()).unwrap_err().to_string();
    assert!(message.contains("no column `weight` among: age, income, name"), "{message}");
}

/// The header of a page claims two thousand million numbers in a field that nobody knows, where the file ends.
#[test]
fn a_claim_beyond_the_end_of_the_file_ends() {
    let folder = table(Compression::UNCOMPRESSED);
    let path = folder.path().join("people.parquet");
    let mut bytes = fs::read(&path).unwrap();
    bytes[4..11].copy_from_slice(&[0xf9, 0xf7, 0xff, 0xff, 0xff, 0xff, 0x07]);
    fs::write(&path, bytes).unwrap();
    let message = Sheet::read(&path).unwrap_err().to_string();
    assert!(message.contains("people.parquet: not a whole Parquet file"), "{message}");
}

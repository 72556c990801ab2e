//! Files are told by what they hold, whatever they are called.
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use interflow_data::{Sheet, TextFormat};
use tch::Tensor;

const TEXT: &str = "größe,b\n1.5,2\n-3,4e1\n";
const NUMBERS: [f64; 4] = [1.5, 2.0, -3.0, 40.0];

/// Fails unless the file has these columns and the numbers.
fn check(path: &Path, names: &[&str]) {
    let sheet = Sheet::read(path).unwrap();
    assert_eq!(sheet.names(), names, "{}", path.display());
    let expected = Tensor::from_slice(&NUMBERS).view([2, 2]);
    assert_eq!(sheet.table().unwrap().values, expected, "{}", path.display());
}

#[test]
fn a_file_is_what_it_holds_whatever_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(TEXT.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    for (name, bytes) in [
        ("a.csv", TEXT.as_bytes()),
        ("a.CSV", TEXT.as_bytes()),
        ("a.tsv", TEXT.as_bytes()),
        ("a.txt", TEXT.as_bytes()),
        ("a", TEXT.as_bytes()),
        ("a.csv.gz", &gzip),
        ("zipped.csv", &gzip),
    ] {
        check(&write(name, bytes), &["größe", "b"]);
    }
    let parts = TEXT.replace("größe", "PAR1_größe");
    check(&write("parts.csv", parts.as_bytes()), &["PAR1_größe", "b"]);
    let values = tch::Tensor::from_slice(&NUMBERS).view([2, 2]);
    let npy = folder.path().join("npy.csv");
    interflow_data::table::write_npy(&npy, &values).unwrap();
    check(&npy, &["x1", "x2"]);
    for (bytes, part) in [
        (&gzip[..gzip.len() - 6], "not a whole gzip file"),
        (
            b"PAR1\x15\x04\x15\x10",
            if cfg!(feature = "parquet") { "not a whole Parquet file" } else { "cannot decode" },
        ),
        (b"PK\x03\x04....", "a workbook"),
        (b"\x28\xb5\x2f\xfd....", "compressed by zstd"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\x80\x04\x95\x00", "a pickle"),
    ] {
        let message = Sheet::read(&write("a.csv", bytes)).unwrap_err().to_string();
        assert!(message.contains(part) && message.contains("a.csv"), "{message}");
    }
}

#[test]
fn a_small_gzip_file_cannot_fill_the_memory() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![b'0'; 1 << 20];
    (0..48).for_each(|_| gzip.write_all(&zeros).unwrap());
    let bomb = gzip.finish().unwrap();
    assert!(bomb.len() < 1 << 16);
    let message =
        Sheet::parse(Path::new("a.csv"), &bomb[..], &TextFormat::default()).unwrap_err().to_string();
    assert!(message.contains("over 200 times") && message.contains("hint: "), "{message}");
}

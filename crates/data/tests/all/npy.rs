//! NumPy's files of all kinds of numbers, whole, damaged and hostile, alone and in archives.

use std::fs;
use std::io::{Cursor, Write as _};

use interflow_data::{Error, Sheet, Table, npz};
use tch::Tensor;

/// An NPY file of version 1 with this header and these bytes.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

fn header(kind: &str, fortran: &str, shape: &str) -> String {
    format!("{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n")
}

fn plain(kind: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    npy(&header(kind, "False", shape), data)
}

fn npz(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn read(name: &str, bytes: &[u8]) -> Result<Table, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    Table::read(&path)
}

#[track_caller]
fn refused(name: &str, bytes: &[u8], parts: &[&str]) {
    let message = read(name, bytes).unwrap_err().to_string();
    for part in parts.iter().chain([&name]) {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
}

/// The numbers 3, 0, 1 in a kind of so many bytes, in either order.
fn check_kind(kind: &str, [three, one]: [u64; 2], size: usize) {
    let little: Vec<u8> =
        [three, 0, one].iter().flat_map(|bits| bits.to_le_bytes()[..size].to_vec()).collect();
    let big: Vec<u8> =
        [three, 0, one].iter().flat_map(|bits| bits.to_be_bytes()[8 - size..].to_vec()).collect();
    let expected = Tensor::from_slice(&[3.0, 0.0, 1.0]).view([3, 1]);
    for (order, data) in [("<", &little), (">", &big)] {
        let found = read("a.npy", &plain(&format!("{order}{kind}"), "(3,)", data)).unwrap();
        assert_eq!(found.values, expected, "{order}{kind}");
    }
}

#[test]
fn every_kind_of_numbers_is_read_in_either_order_of_bytes() {
    check_kind("f2", [0x4200, 0x3c00], 2);
    check_kind("f4", [3f32.to_bits().into(), 1f32.to_bits().into()], 4);
    check_kind("f8", [3f64.to_bits(), 1f64.to_bits()], 8);
    for (kind, size) in [("1", 1), ("2", 2), ("4", 4), ("8", 8)] {
        check_kind(&format!("i{kind}"), [3, 1], size);
        check_kind(&format!("u{kind}"), [3, 1], size);
    }
    let found = read("a.npy", &plain("|b1", "(2, 2)", &[1, 0, 0, 1])).unwrap();
    assert_eq!(found.values, Tensor::from_slice(&[1.0, 0.0, 0.0, 1.0]).view([2, 2]));
    let found = read("a.npy", &plain("<i2", "(2,)", &[0xfe, 0xff, 0x00, 0x80])).unwrap();
    assert_eq!(found.values, Tensor::from_slice(&[-2.0, -32768.0]).view([2, 1]));
}

#[test]
fn headers_as_others_write_them_are_read() {
    let expected = Tensor::from_slice(&[1.0, 2.0, 3.0, 4.0]).view([2, 2]);
    for header in [
        "{\"shape\":(2,2),\"fortran_order\":False,\"descr\":\"|u1\"}",
        "{'descr': 'u1', 'fortran_order': False, 'shape': (2L, 2L)}   \n",
        "  { 'fortran_order' : False , 'descr' : '=u1' , 'shape' : ( 2 , 2 , ) , }",
    ] {
        assert_eq!(read("a.npy", &npy(header, &[1, 2, 3, 4])).unwrap().values, expected, "{header}");
    }
    let fortran = npy(&header("|u1", "True", "(2, 2)"), &[1, 3, 2, 4]);
    assert_eq!(read("a.npy", &fortran).unwrap().values, expected);
    let mut second = b"\x93NUMPY\x02\x00".to_vec();
    let header = header("|u1", "False", "(2, 2)");
    second.extend_from_slice(&(header.len() as u32).to_le_bytes());
    second.extend_from_slice(header.as_bytes());
    second.extend_from_slice(&[1, 2, 3, 4]);
    assert_eq!(read("a.npy", &second).unwrap().values, expected);
}

#[test]
fn what_is_no_array_of_numbers_is_refused_with_a_way_out() {
    refused(
        "a.npy",
        &plain("|O", "(2,)", b"\x80\x04\x95"),
        &["is a pickle", "not run here", "hint: ", "astype(float)"],
    );
    refused("a.npy", b"\x80\x04\x95\xaf\x1c\0\0\0\0\0", &["a pickle", "could run code", "hint: "]);
    let fields = "{'descr': [('x', '<f8'), ('y', '<i4')], 'fortran_order': False, 'shape': (1,), }";
    refused("a.npy", &npy(fields, &[0; 12]), &["named fields", "hint: "]);
    for kind in ["<c16", "<U5", "|S3", "<M8[ns]", "|V8", "", "é"] {
        refused("a.npy", &plain(kind, "(1,)", &[0; 16]), &["expected an array of numbers (b1, ", kind]);
    }
}

/// In time that grows with the header's length, and without the memory that it asks for.
#[test]
fn hostile_headers_are_refused() {
    for depth in [1, 18, 4000] {
        let shape = format!("{}3{}", "[".repeat(depth), "]".repeat(depth));
        refused("a.npy", &plain("<f8", &shape, &[0; 24]), &["its header is not a dictionary"]);
    }
    for shape in [
        "(4611686018427387904, 4)",
        "(4294967296, 4294967296)",
        "(2305843009213693952,)",
        "(18446744073709551615, 18446744073709551615)",
        "(1000000000000, 1)",
        "(2,)",
        "(4,)",
    ] {
        refused("a.npy", &plain("<f8", shape, &[0; 24]), &["not a whole NPY file", "found: 24 bytes of it"]);
    }
    for shape in ["(-3,)", "(99999999999999999999,)", "(3.0,)", "(3", "3", "()x", "(,3)", "((3,),)"] {
        refused("a.npy", &plain("<f8", shape, &[0; 24]), &["its header is not a dictionary"]);
    }
    let mut long = b"\x93NUMPY\x03\x00\xff\xff\xff\xff".to_vec();
    long.extend_from_slice(&[b' '; 100]);
    refused("a.npy", &long, &["4294967295 bytes"]);
    refused("a.npy", b"\x93NUMPY\x04\x00\x00\x00", &["version 1, 2 or 3, found: 4"]);
}

/// Checks that every cut of a file is refused, and that a file with one byte changed is refused or gives finite numbers.
fn check_damage(name: &str, whole: &[u8]) {
    assert!(read(name, whole).is_ok());
    for length in 0..whole.len() {
        assert!(read(name, &whole[..length]).is_err(), "{length} of {} bytes of {name} pass", whole.len());
    }
    for place in 0..whole.len() {
        for flip in [0x01, 0x10, 0x80, 0xff] {
            let mut damaged = whole.to_vec();
            damaged[place] ^= flip;
            match read(name, &damaged) {
                Ok(found) => assert_eq!(found.values.isfinite().all().int64_value(&[]), 1),
                Err(error) => assert!(error.to_string().contains(name), "{error}"),
            }
        }
    }
}

#[test]
fn damaged_files_are_refused_or_finite() {
    let whole = plain("<f4", "(2, 2)", &[1f32, 2.0, 3.0, 4.0].map(f32::to_le_bytes).concat());
    check_damage("a.npy", &whole);
    check_damage("a.npz", &npz(&[("table", &whole)]));
}

#[test]
fn archives_of_a_table_are_read() {
    let (one, two) = (plain("|u1", "(2, 1)", &[1, 2]), plain("<i2", "(1, 2)", &[3, 0, 4, 0]));
    let values = |members: &[(&str, &[u8])]| read("a.npz", &npz(members)).unwrap().values;
    assert_eq!(values(&[("any", &one)]), Tensor::from_slice(&[1.0, 2.0]).view([2, 1]));
    assert_eq!(values(&[("any", &one), ("arr_0", &two)]), Tensor::from_slice(&[3.0, 4.0]).view([1, 2]));
    refused("a.npz", &npz(&[("x", &one), ("y", &two)]), &["found: x, y", "hint: save the table alone"]);
    refused("a.npz", &npz(&[]), &["no arrays"]);
    refused("a.npz", &npz(&[("x", &plain("|O", "(1,)", b"abc"))]), &["x: an array of objects is a pickle"]);
    refused("a.npz", b"PK\x03\x04 and nothing more", &["not a whole npz archive"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    fs::write(&path, npz(&[("mu", &one), ("sigma", &two)])).unwrap();
    let sheet = Sheet::read(&path).unwrap_err().to_string();
    assert!(sheet.contains("found: mu, sigma"), "{sheet}");
    let found = npz::arrays(&path, &["sigma", "mu"]).unwrap();
    assert_eq!((found[0].size(), found[1].size()), (vec![1, 2], vec![2, 1]));
    let missing = npz::arrays(&path, &["n"]).unwrap_err().to_string();
    assert!(missing.contains("no array n among: mu, sigma"), "{missing}");
}

/// An array of 300 MB of zeros, in 300 kB, that becomes 2.4 GB in double precision.
#[test]
fn an_archive_that_would_fill_the_memory_is_refused() {
    let n = 300_000_000;
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("labels.npy", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(&plain("|i1", &format!("({n},)"), &[])).unwrap();
    let zeros = vec![0; 1 << 20];
    for first in (0..n).step_by(zeros.len()) {
        zip.write_all(&zeros[..zeros.len().min(n - first)]).unwrap();
    }
    let bytes = zip.finish().unwrap().into_inner();
    assert!(bytes.len() < 1 << 20);
    refused(
        "a.npz",
        &bytes,
        &["labels: a file of ", "may take 2147483648 bytes of memory, found: 2400000000", "hint: "],
    );
}

#[test]
fn whole_numbers_that_a_double_cannot_tell_apart_are_refused() {
    let of = |kind: &str, bits: [u64; 2]| plain(kind, "(2,)", &bits.map(u64::to_le_bytes).concat());
    let parts = ["below 2^53", "hint: write them as CSV"];
    refused("a.npy", &of("<u8", [7, (1 << 63) + 1]), &parts);
    refused("a.npy", &of("<i8", [7, (-(1_i64 << 60) - 1).cast_unsigned()]), &parts);
    assert!(read("a.npy", &of("<u8", [7, (1 << 53) - 1])).is_ok());
    assert!(read("a.npy", &of("<f8", [7, 1e300_f64.to_bits()])).is_ok());
}

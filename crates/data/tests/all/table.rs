//! Tables: what is written is read back, and what is no table of finite numbers is refused with its place.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use interflow_data::table::{csv_bytes, write_csv, write_npy};
use interflow_data::{Error, Table};
use npyz::WriterBuilder as _;
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

/// What reading a file of the given name and content gives.
fn read(name: &str, content: &[u8]) -> Result<Table, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    Table::read(&path)
}

/// A table that was written by `write` to a file of the given ending and read back.
fn round_trip(ending: &str, write: impl FnOnce(&Path)) -> Table {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table").with_extension(ending);
    write(&path);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file is left");
    Table::read(&path).unwrap()
}

/// `[N, D]` numbers of all magnitudes, subnormal ones included.
fn numbers(single: bool) -> impl Strategy<Value = Tensor> {
    let value = if single {
        any::<f32>().prop_filter("finite", |value| value.is_finite()).prop_map(f64::from).boxed()
    } else {
        any::<f64>().prop_filter("finite", |value| value.is_finite()).boxed()
    };
    let kind = if single { Kind::Float } else { Kind::Double };
    (1usize..7, 1usize..5).prop_flat_map(move |(n, dim)| {
        prop::collection::vec(value.clone(), n * dim)
            .prop_map(move |values| Tensor::from_slice(&values).view([n as i64, dim as i64]).to_kind(kind))
    })
}

fn table() -> impl Strategy<Value = Tensor> {
    any::<bool>().prop_flat_map(numbers)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn csv_keeps_every_digit(values in table()) {
        let found = round_trip("csv", |path| write_csv(path, None, &values).unwrap());
        prop_assert_eq!(found.columns, None);
        prop_assert_eq!(found.values.kind(), Kind::Double);
        prop_assert_eq!(found.values.to_kind(values.kind()), values);
    }

    /// Also names that need quotes.
    #[test]
    fn csv_keeps_the_header(values in table(), names in prop::collection::vec("x[a-z0-9,\"' µ]{0,8}y", 5)) {
        let columns = &names[..values.size()[1] as usize];
        let found = round_trip("csv", |path| write_csv(path, Some(columns), &values).unwrap());
        prop_assert_eq!(found.columns.as_deref(), Some(columns));
        prop_assert_eq!(found.values.to_kind(values.kind()), values);
    }

    #[test]
    fn npy_keeps_every_bit(values in table()) {
        let found = round_trip("npy", |path| write_npy(path, &values).unwrap());
        prop_assert_eq!(found.columns, None);
        prop_assert_eq!(found.values, values.to_kind(Kind::Double));
    }

    #[test]
    fn npy_is_read_in_either_order(values in numbers(false)) {
        let (shape, columns_first) = (values.size(), values.tr().contiguous().view(-1));
        let bytes = npy(&Vec::<f64>::try_from(columns_first).unwrap(), &shape, npyz::Order::Fortran);
        prop_assert_eq!(read("a.npy", &bytes).unwrap().values, values);
    }
}

/// An NPY file with `values` in the file's own order.
fn npy<T: npyz::AutoSerialize + Copy>(values: &[T], shape: &[i64], order: npyz::Order) -> Vec<u8> {
    let shape: Vec<u64> = shape.iter().map(|axis| axis.unsigned_abs()).collect();
    let mut bytes = Vec::new();
    let options = npyz::WriteOptions::<T>::new().default_dtype().shape(&shape).order(order);
    let mut writer = options.writer(&mut bytes).begin_nd().unwrap();
    writer.extend(values.iter().copied()).unwrap();
    writer.finish().unwrap();
    bytes
}

fn c_order<T: npyz::AutoSerialize + Copy>(values: &[T], shape: &[i64]) -> Vec<u8> {
    npy(values, shape, npyz::Order::C)
}

#[test]
fn csv_as_people_write_it_is_read() {
    let table = read("a.csv", b" width , height\r\n 1.5, -2\r\n\r\n3e-2,+4.\r\n").unwrap();
    assert_eq!(table.columns.unwrap(), ["width", "height"]);
    assert_eq!(table.values, Tensor::from_slice(&[1.5, -2.0, 0.03, 4.0]).view([2, 2]));
    let table = read("a.csv", b"1\n2\n3").unwrap();
    assert_eq!((table.columns, table.values.size()), (None, vec![3, 1]));
}

#[test]
fn a_table_as_csv_by_hand() {
    let values = Tensor::from_slice(&[0.1f32, 2.0, -3.5, 1e-3]).view([2, 2]);
    let columns = ["x".to_owned(), "y".to_owned()];
    assert_eq!(csv_bytes(Some(&columns), &values).unwrap(), b"x,y\n0.1,2\n-3.5,0.001\n");
    let values = Tensor::from_slice(&[0.1, 1e-3]).view([2, 1]);
    assert_eq!(csv_bytes(None, &values).unwrap(), b"0.1\n0.001\n");
    assert!(matches!(csv_bytes(Some(&columns), &values), Err(Error::Rows { .. })));
}

#[test]
fn npy_of_other_kinds_and_axes_is_read() {
    let expected = Tensor::from_slice(&[3.0, 0.0, 7.0, 255.0, 1.0, 2.0]).view([3, 2]);
    for bytes in [
        c_order(&[3.0f64, 0.0, 7.0, 255.0, 1.0, 2.0], &[3, 2]),
        c_order(&[3.0f32, 0.0, 7.0, 255.0, 1.0, 2.0], &[3, 2]),
        c_order(&[3i64, 0, 7, 255, 1, 2], &[3, 2]),
        c_order(&[3i32, 0, 7, 255, 1, 2], &[3, 2]),
        c_order(&[3u8, 0, 7, 255, 1, 2], &[3, 2]),
    ] {
        assert_eq!(read("a.npy", &bytes).unwrap().values, expected);
    }
    assert_eq!(read("a.npy", &c_order(&[1.0, 2.0, 3.0], &[3])).unwrap().values.size(), [3, 1]);
}

/// Fails unless the file is refused, and its message names the file and all of `parts`.
fn refused(name: &str, content: &[u8], parts: &[&str]) -> Error {
    let error = read(name, content).unwrap_err();
    let message = error.to_string();
    for part in parts.iter().chain([&name]) {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
    error
}

#[test]
fn csv_that_is_no_table_is_refused_with_its_line() {
    for (text, parts) in [
        ("a,b\n1,2\n3\n", &["line 3", "2 fields", "found: 1"][..]),
        ("1,2\n3,4\n\n5,6,7\n", &["line 4", "2 fields", "found: 3"]),
        ("a,b\n1,2\n3,four\n5,6\n", &["line 3", "`b`", "\"four\""]),
        ("1,2\n3,\n", &["missing", "line 2"]),
        ("a,b\n1,2\n\n3,NaN\n", &["missing", "line 4"]),
        ("1,2\n3,4\n-inf,6\n", &["line 3", "`x1` is not finite"]),
        ("1,1e999\n", &["line 1", "`x2` is not finite"]),
    ] {
        refused("bad.csv", text.as_bytes(), parts);
    }
    for content in [&b""[..], b"a,b\n", b"\n\n"] {
        refused("empty.csv", content, &["no rows"]);
    }
    refused("latin.csv", b"1,2\n3,\xe9\n", &["line 2", "--encoding"]);
}

#[test]
fn npy_that_is_no_table_is_refused() {
    let whole = c_order(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[3, 2]);
    // Within the magic, within the header, within a number, between two numbers.
    for n in [0, 4, 9, 40, whole.len() - 5, whole.len() - 8] {
        refused("cut.npy", &whole[..n], &["not a whole NPY file"]);
    }
    refused("text.npy", b"1,2\n3,4\n", &["not a whole NPY file"]);
    refused("axes.npy", &c_order(&[1.0, 2.0], &[1, 1, 2]), &["[N, D]", "[1, 1, 2]"]);
    refused("axes.npy", &c_order(&[1.0], &[]), &["[N, D]", "[]"]);
    refused("empty.npy", &c_order::<f64>(&[], &[0, 3]), &["no rows"]);
    refused("empty.npy", &c_order::<f64>(&[], &[3, 0]), &["no rows"]);
}

#[test]
fn npy_with_a_value_that_is_not_finite_is_refused_with_its_place() {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let rows = [1.0, 2.0, 3.0, 4.0, nan, 6.0];
    refused("a.npy", &c_order(&rows, &[2, 3]), &["row 2, column 2", "NaN"]);
    refused("a.npy", &c_order(&rows, &[3, 2]), &["row 3, column 1", "NaN"]);
    refused("a.npy", &npy(&rows, &[2, 3], npyz::Order::Fortran), &["row 1, column 3", "NaN"]);
    refused("a.npy", &c_order(&[1.0, -inf, nan], &[3]), &["row 2, column 1", "-inf"]);
    refused("a.npy", &c_order(&[f32::INFINITY], &[1]), &["row 1, column 1", "inf"]);
}

#[test]
fn files_that_are_not_there_are_refused() {
    for name in ["nowhere.csv", "nowhere.npy"] {
        let error = Table::read(Path::new(name)).unwrap_err();
        assert!(matches!(error, Error::Io { .. }) && error.to_string().contains(name), "{error}");
    }
}

#[test]
fn what_has_no_two_axes_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let cube = Tensor::zeros([2, 3, 4], (Kind::Float, Device::Cpu));
    for write in [write_npy, |path: &Path, values: &Tensor| write_csv(path, None, values)] {
        assert!(matches!(write(&folder.path().join("a"), &cube), Err(Error::Torch { .. })));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let values = Tensor::zeros([2, 3], (Kind::Float, Device::Cpu));
    let error = write_npy(&folder.path().join("no folder").join("a.npy"), &values).unwrap_err();
    assert!(matches!(error, Error::Io { action: "write", .. }) && error.to_string().contains("a.npy"));
}

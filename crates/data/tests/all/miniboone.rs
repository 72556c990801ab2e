//! The preprocessing of UCI MINIBOONE on small files in the published layouts.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use interflow_data::table::write_npy;
use interflow_data::{Benchmark, Error, Miniboone, ReducedMiniboone, Sizes};
use tch::{Kind, Tensor};

const N_SIGNAL: usize = 36;
/// The signal but for three outliers; one feature of fifty is dropped.
const MINIBOONE: Miniboone =
    Miniboone { sizes: Sizes { train: 27, validation: 3, test: 3, dim: 49 }, ..Miniboone::PUBLISHED };

/// A row of signal. Rows 3, 13 and 23 are outliers. Feature 7 has its smallest value in 6 rows, feature 8 in 5 rows
/// and an outlier, feature 9 has its largest value in most rows.
fn row(i: usize) -> [f64; 50] {
    let mut features: [f64; 50] = std::array::from_fn(|column| ((i * 31 + column * 17) as f64).sin() * 10.0);
    if outlier(i) {
        features[0] = -999.0;
    }
    if (24..30).contains(&i) {
        features[7] = -50.0;
    }
    if (23..29).contains(&i) {
        features[8] = -50.0;
    }
    features[9] = features[9].min(-5.0);
    features
}

fn outlier(i: usize) -> bool {
    i % 10 == 3 && i < 30
}

/// The rows and features that are kept, `[33, 49]`.
fn kept() -> Tensor {
    let rows = (0..N_SIGNAL).filter(|i| !outlier(*i)).map(row);
    let values: Vec<f64> =
        rows.flat_map(|row| row.into_iter().enumerate().filter(|(f, _)| *f != 7).map(|(_, x)| x)).collect();
    Tensor::from_slice(&values).view([-1, 49])
}

fn text() -> String {
    let mut text = format!(" {N_SIGNAL} 2\n");
    for values in (0..N_SIGNAL).map(row).chain([[1e6; 50]; 2]) {
        for value in values {
            write!(text, "  {value:.9E}").unwrap();
        }
        text.push('\n');
    }
    text
}

/// A data folder with what `fill` writes into its subfolder.
fn folder(fill: impl FnOnce(&Path)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("miniboone")).unwrap();
    fill(&folder.path().join("miniboone"));
    folder
}

fn load(text: &str) -> Result<Benchmark, Error> {
    let folder = folder(|place| fs::write(place.join("MiniBooNE_PID.txt"), text).unwrap());
    MINIBOONE.parts(folder.path())
}

fn check(parts: &Benchmark) {
    let rows = kept();
    let known = rows.narrow(0, 0, 30);
    let expected = (&rows - known.mean_dim(0i64, false, Kind::Double)) / known.std_dim(0i64, false, false);
    let found = Tensor::cat(&[&parts.train, &parts.validation, &parts.test], 0);
    assert_eq!(found.size(), expected.size());
    let error = (found - expected).abs().max().double_value(&[]);
    assert!(error < 1e-5, "{error}");
    assert_eq!([parts.train.size()[0], parts.validation.size()[0]], [27, 3]);
}

#[test]
fn the_signal_keeps_its_order_and_loses_outliers_and_repeats() {
    check(&load(&text()).unwrap());
}

#[test]
fn the_published_array_is_the_same() {
    let folder = folder(|place| write_npy(&place.join("data.npy"), &kept()).unwrap());
    check(&MINIBOONE.parts(folder.path()).unwrap());
}

#[test]
fn what_cannot_be_used_is_refused() {
    let whole = text();
    let cut = load(&whole[..whole.len() / 2]).unwrap_err();
    assert!(matches!(cut, Error::Incomplete { expected: N_SIGNAL, .. }), "{cut}");
    let fewer = load(&whole.replacen("36 2", "30 8", 1)).unwrap_err();
    assert!(matches!(fewer, Error::Sizes { name: "miniboone", .. }), "{fewer}");
    let uncounted = load(&whole.replacen(" 36 2\n", "", 1)).unwrap_err();
    assert!(matches!(uncounted, Error::Line { line: 1, .. }), "{uncounted}");
    let damaged = load(&whole.replacen("-9.990000000E2", "-9.99000000OE2", 1)).unwrap_err();
    assert!(matches!(damaged, Error::Line { line: 5, .. }), "{damaged}");
    let missing = MINIBOONE.parts(Path::new("/nowhere")).unwrap_err().to_string();
    assert!(missing.contains("MiniBooNE_PID.txt") && missing.contains("xtask data miniboone"), "{missing}");
}

/// Rows `[n, dim]` that count from `first`.
fn counted(first: i64, n: i64, dim: i64) -> Tensor {
    let column = Tensor::arange_start(first, first + n, (Kind::Float, tch::Device::Cpu)).unsqueeze(1);
    column.expand([n, dim], false).contiguous()
}

fn reduced(dim: i64) -> Result<Benchmark, Error> {
    let folder = folder(|place| {
        let write = |part: &str, x: &Tensor| {
            write_npy(&place.join(format!("miniboone_{part}.f32.npy")), x).unwrap();
        };
        write("val", &counted(0, 14, 5));
        write("train_head1523", &counted(14, 9, 5));
        write("test", &counted(100, 6, dim));
    });
    ReducedMiniboone::default().parts(folder.path())
}

#[test]
fn the_reduced_set_holds_the_last_tenth_out_and_changes_nothing() {
    let parts = reduced(5).unwrap();
    assert_eq!(parts.train, counted(0, 21, 5));
    assert_eq!(parts.validation, counted(21, 2, 5));
    assert_eq!(parts.test, counted(100, 6, 5));
    let error = reduced(4).unwrap_err().to_string();
    assert!(error.contains("test.f32.npy: expected 5 columns, found: 4"), "{error}");
    let missing = ReducedMiniboone::default().parts(Path::new("/nowhere")).unwrap_err();
    assert!(matches!(missing, Error::Missing { .. }), "{missing}");
}

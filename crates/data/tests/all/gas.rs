//! The preprocessing of UCI GAS on small files in the published layout.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::{fs, path::Path};

use flate2::{Compression, write::GzEncoder};
use interflow_data::{Benchmark, Error, Gas, Sizes};
use tch::{Kind, Tensor};

const N_ROWS: usize = 403;
/// A quarter of 403 rows is 101: 10 for testing, 9 of the other 91 for validation. Ten sensors are left.
const GAS: Gas = Gas { sizes: Sizes { train: 82, validation: 9, test: 10, dim: 10 }, ..Gas::PUBLISHED };

/// A number in [0, 1) that looks random.
fn hash(row: usize, column: usize) -> f64 {
    let mixed = (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (column as u64 + 1).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}

/// The sensors of a row: 0 and 1 go together, so do 3 and 4 in opposite directions, and 6 to 10; 15 is the row's number.
fn sensors(row: usize) -> [f64; 16] {
    let mut values: [f64; 16] = std::array::from_fn(|column| 100.0 * hash(row, column));
    values[1] = 2.0 * values[0] + 0.01 * values[1];
    values[4] = -values[3] + 0.01 * values[4];
    for column in 7..=10 {
        values[column] = values[6] + 0.01 * values[column];
    }
    values[15] = row as f64;
    values
}

/// Of a group of correlated sensors the last is left.
const KEPT: [usize; 10] = [1, 2, 4, 5, 10, 11, 12, 13, 14, 15];

fn text() -> String {
    let mut text =
        "Time (seconds), CO conc (ppm), Ethylene conc (ppm), sensor readings (16 channels)\n".to_owned();
    for row in 0..N_ROWS {
        write!(text, "{:.2}    0.00   {}.5 ", row as f64 / 100.0, row % 7).unwrap();
        for value in sensors(row) {
            write!(text, " {value:.6}").unwrap();
        }
        text.push('\n');
    }
    text
}

fn load(name: &str, bytes: &[u8]) -> Result<Benchmark, Error> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("gas")).unwrap();
    fs::write(folder.path().join("gas").join(name), bytes).unwrap();
    GAS.parts(folder.path())
}

fn all(parts: &Benchmark) -> Tensor {
    Tensor::cat(&[&parts.train, &parts.validation, &parts.test], 0).to_kind(Kind::Double)
}

/// Whether `y` is an increasing affine function of `x`.
fn affine(x: &Tensor, y: &Tensor) -> bool {
    let unit = |v: &Tensor| {
        let centred = v - v.mean(Kind::Double);
        &centred / centred.norm()
    };
    (unit(x) - unit(y)).abs().max().double_value(&[]) < 1e-5
}

#[test]
fn rows_are_a_random_quarter_of_the_files() {
    let rows = all(&load("ethylene_CO.txt", text().as_bytes()).unwrap());
    assert_eq!(rows.size(), [101, 10]);
    // The last sensor counts rows: its spacing, one, and its shift are what standardisation took away.
    let count = rows.select(1, 9);
    let sorted = count.sort(0, false).0;
    let spacing = (sorted.narrow(0, 1, 100) - sorted.narrow(0, 0, 100)).min().double_value(&[]);
    assert!(spacing > 1e-3, "a row was drawn twice");
    let relative: Vec<f64> = ((&count - count.min()) / spacing).round().try_into().unwrap();
    let span = relative.iter().copied().fold(0.0, f64::max) as usize;
    assert!(span > 350, "not from all over the file: {span}");
    let matches = |shift: usize| {
        KEPT.iter().enumerate().all(|(place, &column)| {
            let expected: Vec<f64> =
                relative.iter().map(|row| sensors(*row as usize + shift)[column]).collect();
            affine(&Tensor::from_slice(&expected), &rows.select(1, place as i64))
        })
    };
    assert_eq!((0..N_ROWS - span).filter(|shift| matches(*shift)).count(), 1);
    // 101 random places have a rank correlation of 0.1 with the file's order by chance.
    let order = Tensor::arange(101, (Kind::Double, tch::Device::Cpu));
    let both = Tensor::stack(&[&order, &count], 0).corrcoef();
    assert!(both.double_value(&[0, 1]).abs() < 0.4, "{both:?}");
}

#[test]
fn all_rows_together_are_standardised() {
    let rows = all(&load("ethylene_CO.txt", text().as_bytes()).unwrap());
    let mean = rows.mean_dim(0i64, false, Kind::Double).abs().max().double_value(&[]);
    let deviation = (rows.std_dim(0i64, true, false) - 1.0).abs().max().double_value(&[]);
    assert!(mean < 1e-6 && deviation < 1e-6, "{mean} {deviation}");
}

#[test]
fn a_compressed_file_is_the_same() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text().as_bytes()).unwrap();
    let bytes = encoder.finish().unwrap();
    let plain = load("ethylene_CO.txt", text().as_bytes()).unwrap();
    let compressed = load("ethylene_CO.txt.gz", &bytes).unwrap();
    assert_eq!(all(&plain), all(&compressed));
    let cut = load("ethylene_CO.txt.gz", &bytes[..bytes.len() / 2]).unwrap_err();
    assert!(matches!(cut, Error::Io { .. }), "{cut}");
}

#[test]
fn what_cannot_be_used_is_refused() {
    let cut = load("ethylene_CO.txt", &text().as_bytes()[..20_000]).unwrap_err();
    assert!(matches!(cut, Error::Sizes { name: "gas", .. }), "{cut}");
    assert!(cut.to_string().contains("82 + 9 + 10 rows of 10 columns"), "{cut}");
    let damaged = load("ethylene_CO.txt", text().replacen(" 2.000000\n", " x\n", 1).as_bytes()).unwrap_err();
    assert!(
        matches!(damaged, Error::Line { line: 4, .. }) && damaged.to_string().contains("\"x\""),
        "{damaged}"
    );
    let short = load("ethylene_CO.txt", text().replacen(" 2.000000\n", "\n", 1).as_bytes()).unwrap_err();
    assert!(short.to_string().contains("expected 19 numbers, found: 18"), "{short}");
    let empty = load("ethylene_CO.txt", b"").unwrap_err();
    assert!(matches!(empty, Error::Content { .. }), "{empty}");
    let missing = GAS.parts(Path::new("/nowhere")).unwrap_err().to_string();
    assert!(missing.contains("gas/ethylene_CO.txt") && missing.contains("cargo xtask data gas"), "{missing}");
}

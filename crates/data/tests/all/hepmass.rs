//! The preprocessing of UCI HEPMASS on small files in the published layout.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::fs;

use interflow_data::{Benchmark, Error, Hepmass, HepmassExtent, Sizes};
use tch::{Kind, Tensor};

/// 45 rows of signal among the first 90 of the training file, 20 among the first 40 of the test file.
const HEPMASS: Hepmass = Hepmass { extent: EXTENT, ..Hepmass::PUBLISHED };
const EXTENT: HepmassExtent =
    HepmassExtent { n_train: 90, n_test: 40, sizes: Sizes { train: 41, validation: 4, test: 20, dim: 4 } };

/// A row's class and features: feature 0 is its number, 1 has its smallest value in 6 rows of signal, 2 in 5 of
/// them and 6 rows of background, 3 has its largest value in most rows, and 4 is like noise.
fn row(i: usize) -> (usize, [f64; 5]) {
    let class = i % 2;
    let x = i as f64;
    let first = if class == 1 && i < 12 { -1.0 } else { x };
    let second = if class == 1 && i < 10 || class == 0 && i < 12 { -2.0 } else { x * x };
    (class, [x, first, second, (100.0 - x).min(20.0), (7.0 * x).sin()])
}

fn csv(n: usize, more: &str) -> String {
    let mut text = format!("# label,f0,f1,f2,f3,f4{}\n", if more.is_empty() { "" } else { ",mass" });
    for i in 0..n {
        let (class, features) = row(i);
        let features: Vec<String> = features.iter().map(|value| format!("{value:.9e}")).collect();
        writeln!(text, "{class}.000000000000000000e+00,{}{more}", features.join(",")).unwrap();
    }
    text
}

fn load(train: &str, test: &str) -> Result<Benchmark, Error> {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("hepmass");
    fs::create_dir(&place).unwrap();
    fs::write(place.join("1000_train.csv"), train).unwrap();
    fs::write(place.join("1000_test.csv"), test).unwrap();
    HEPMASS.parts(folder.path())
}

/// The signal's features that are kept, `[n / 2, 4]`, of `n` rows.
fn signal(n: usize) -> Tensor {
    let rows = (0..n).map(row).filter(|(class, _)| *class == 1);
    let values: Vec<f64> = rows.flat_map(|(_, [a, _, c, d, e])| [a, c, d, e]).collect();
    Tensor::from_slice(&values).view([-1, 4])
}

#[test]
fn the_signal_is_standardised_by_the_training_file() {
    // What follows the first rows is not even read.
    let train = csv(90, "") + "1,of,no,use,at,all\n";
    let parts = load(&train, &csv(40, ",1000.0")).unwrap();
    let known = signal(90);
    let (mean, deviation) = (known.mean_dim(0i64, false, Kind::Double), known.std_dim(0i64, true, false));
    let check = |found: &Tensor, expected: &Tensor| {
        let expected = (expected - &mean) / &deviation;
        assert_eq!(found.size(), expected.size());
        let error = (found - expected).abs().max().double_value(&[]);
        assert!(error < 1e-5, "{error}");
    };
    check(&parts.train, &known.narrow(0, 0, 41));
    check(&parts.validation, &known.narrow(0, 41, 4));
    check(&parts.test, &signal(40));
}

#[test]
fn a_test_file_without_the_column_more_is_the_same() {
    let test = |more| load(&csv(90, ""), &csv(40, more)).unwrap().test;
    assert_eq!(test(",1000.0"), test(""));
    let error = load(&csv(90, ""), &csv(40, ",1,2").replacen("mass", "mass,more", 1)).unwrap_err();
    assert!(error.to_string().contains("expected 5 features and at most one more, found: 7"), "{error}");
}

#[test]
fn what_cannot_be_used_is_refused() {
    let cut = load(&csv(80, ""), &csv(40, "")).unwrap_err();
    assert!(matches!(cut, Error::Sizes { name: "hepmass", .. }), "{cut}");
    let damaged = load(&csv(90, "").replacen("\n1.0", "\n?", 1), &csv(40, "")).unwrap_err();
    assert!(matches!(damaged, Error::Line { line: 3, .. }), "{damaged}");
    let background = load(&csv(90, "").replace("\n1.0", "\n0.0"), &csv(40, "")).unwrap_err();
    assert!(background.to_string().contains("no row of class 1"), "{background}");
    let folder = tempfile::tempdir().unwrap();
    let missing = HEPMASS.parts(folder.path()).unwrap_err().to_string();
    assert!(missing.contains("1000_train.csv") && missing.contains("cargo xtask data hepmass"), "{missing}");
}

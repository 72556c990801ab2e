//! The kernel distance against sums over pairs, and without bias.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use interflow_core::rng::{Draw, Purpose, Stream};
use interflow_metrics::{Error, kernel_distance};
use tch::{Device, Kind, Tensor};

fn draw(index: u64) -> Draw {
    Stream::new(21, Purpose::Resample).at(index)
}

fn rows(x: &Tensor) -> Vec<Vec<f64>> {
    (0..x.size()[0]).map(|row| Vec::try_from(x.get(row)).unwrap()).collect()
}

/// The estimate pair by pair.
fn by_pairs(a: &[Vec<f64>], b: &[Vec<f64>]) -> f64 {
    let kernel = |x: &[f64], y: &[f64]| {
        let product: f64 = x.iter().zip(y).map(|(x, y)| x * y).sum();
        (product / x.len() as f64 + 1.0).powi(3)
    };
    let n = a.len() as f64;
    let mut value = 0.0;
    for i in 0..a.len() {
        for j in 0..a.len() {
            if i != j {
                value += (kernel(&a[i], &a[j]) + kernel(&b[i], &b[j])) / (n * (n - 1.0));
            }
            value -= 2.0 * kernel(&a[i], &b[j]) / (n * n);
        }
    }
    value
}

#[test]
fn all_points_at_once_are_the_sum_over_pairs() {
    let mut draw = draw(0);
    let (a, b) = (draw.normal(&[9, 4], Kind::Double), draw.normal(&[9, 4], Kind::Double) * 1.3 + 0.4);
    let found = kernel_distance(&a, &b, 9, 3, &mut draw).unwrap();
    let expected = by_pairs(&rows(&a), &rows(&b));
    assert!((found.mean - expected).abs() < 1e-12 && found.deviation < 1e-12, "{found:?} {expected}");
}

#[test]
fn subsets_are_no_different_in_the_mean() {
    let mut draw = draw(1);
    let (a, b) = (draw.normal(&[60, 3], Kind::Float), draw.normal(&[60, 3], Kind::Float) + 0.5);
    let subsets = kernel_distance(&a, &b, 20, 400, &mut draw).unwrap();
    let whole = kernel_distance(&a, &b, 60, 1, &mut draw).unwrap();
    let error = subsets.deviation / 20.0;
    assert!(error > 0.0 && (subsets.mean - whole.mean).abs() < 4.0 * error, "{subsets:?} {whole:?}");
}

#[test]
fn it_is_zero_in_the_mean_for_one_law() {
    let n_trials = 300;
    let values: Vec<f64> = (0..n_trials)
        .map(|trial| {
            let mut draw = draw(100 + trial);
            let (a, b) = (draw.normal(&[12, 3], Kind::Double), draw.normal(&[12, 3], Kind::Double));
            kernel_distance(&a, &b, 12, 1, &mut draw).unwrap().mean
        })
        .collect();
    let values = Tensor::from_slice(&values);
    let error = values.std(true).double_value(&[]) / (n_trials as f64).sqrt();
    let mean = values.mean(Kind::Double).double_value(&[]);
    assert!(mean.abs() < 4.0 * error, "{mean} ± {error}");
}

#[test]
fn senseless_features_are_refused() {
    let good = Tensor::zeros([4, 2], (Kind::Float, Device::Cpu));
    let check =
        |bad: &Tensor, (n, n_subsets)| kernel_distance(&good, bad, n, n_subsets, &mut draw(2)).unwrap_err();
    assert!(matches!(check(&good.narrow(0, 0, 3), (4, 1)), Error::TooFew { needed: 4, found: 3, .. }));
    assert!(matches!(check(&good, (1, 1)), Error::TooFew { needed: 2, found: 1, .. }));
    assert!(matches!(check(&good, (2, 0)), Error::TooFew { needed: 1, found: 0, .. }));
    assert!(matches!(check(&good.narrow(1, 0, 1), (2, 1)), Error::Core(_)));
    assert!(matches!(check(&(&good + f64::NAN), (2, 1)), Error::NotFinite { .. }));
}

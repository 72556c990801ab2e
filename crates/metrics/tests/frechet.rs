//! The Fréchet distance of closed-form features against `scipy.linalg.sqrtm` (`golden/frechet.py` prints the numbers).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use interflow_metrics::{RunningMoments, frechet_distance};
use tch::Tensor;

/// As `features` in the script.
fn features(n: i64, dim: i64, phase: f64) -> Tensor {
    let value = |i: f64, j: f64| (phase + 0.7 * i * j + 0.3 * i * i).sin() + 0.1 * phase * (1.3 * j).cos();
    let values: Vec<f64> = (1..=n).flat_map(|i| (1..=dim).map(move |j| value(i as f64, j as f64))).collect();
    Tensor::from_slice(&values).view([n, dim])
}

fn check(n: i64, m: i64, dim: i64, golden: f64) {
    let moments = |x: Tensor| {
        let mut running = RunningMoments::default();
        for batch in x.split(7, 0) {
            running.add(&batch).unwrap();
        }
        running.unbiased().unwrap()
    };
    let (a, b) = (moments(features(n, dim, 0.0)), moments(features(m, dim, 2.0)));
    let found = frechet_distance(&a, &b).unwrap();
    assert!((found - golden).abs() < 1e-6 * golden.max(1.0), "{found} against {golden} for {n}, {m}, {dim}");
}

#[test]
fn regular_covariances() {
    check(200, 150, 5, 0.176_830_991_344_981_04);
    check(400, 300, 24, 1.013_389_797_117_223_9);
}

#[test]
fn covariances_of_fewer_points_than_features() {
    check(12, 300, 24, 12.556_546_605_650_958);
    check(10, 14, 24, 5.138_922_290_295_433);
    check(9, 9, 40, 14.079_906_524_319_37);
}

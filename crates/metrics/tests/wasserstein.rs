//! The Wasserstein distance between Gaussians against laws whose transport is known.

#![allow(clippy::unwrap_used)]

use interflow_core::rng::{Purpose, Stream};
use interflow_metrics::{Error, Moments, wasserstein2_gaussian};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

fn normal(seed: u64, index: u64, shape: &[i64]) -> Tensor {
    Stream::new(seed, Purpose::Test).at(index).normal(shape, Kind::Double)
}

fn eye(dim: i64) -> Tensor {
    Tensor::eye(dim, (Kind::Double, Device::Cpu))
}

/// A positive semidefinite `[dim, dim]` matrix of rank `rank`.
fn semidefinite(seed: u64, index: u64, dim: i64, rank: i64) -> Tensor {
    let a = normal(seed, index, &[dim, rank]);
    a.matmul(&a.tr())
}

fn moments(seed: u64, index: u64, dim: i64, rank: i64) -> Moments {
    let mean = normal(seed, index + 100, &[dim]);
    Moments { mean, covariance: semidefinite(seed, index, dim, rank) }
}

fn w2(a: &Moments, b: &Moments) -> f64 {
    wasserstein2_gaussian(a, b).unwrap()
}

fn norm(x: &Tensor) -> f64 {
    x.square().sum(Kind::Double).sqrt().double_value(&[])
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 1e-10 * (1.0 + expected)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Diagonal in one basis: `W2² = |m − n|² + Σ(√c − √s)²`; a variance may vanish.
    #[test]
    fn commuting_covariances_have_their_closed_form(
        seed: u64,
        variances in prop::collection::vec(((0.0..4.0), prop_oneof![Just(0.0), 0.0..4.0]), 1..6),
    ) {
        let dim = variances.len() as i64;
        let basis = Tensor::linalg_qr(&normal(seed, 0, &[dim, dim]), "reduced").0;
        let rotated = |values: Vec<f64>| basis.matmul(&Tensor::from_slice(&values).diag(0)).matmul(&basis.tr());
        let (mean, other) = (normal(seed, 1, &[dim]), normal(seed, 2, &[dim]));
        let deviations: f64 = variances.iter().map(|(c, s): &(f64, f64)| (c.sqrt() - s.sqrt()).powi(2)).sum();
        let expected = (norm(&(&mean - &other)).powi(2) + deviations).sqrt();
        let a = Moments { mean, covariance: rotated(variances.iter().map(|pair| pair.0).collect()) };
        let b = Moments { mean: other, covariance: rotated(variances.iter().map(|pair| pair.1).collect()) };
        // A variance of zero comes out of the rotation as one of 1e-16, whose root is 1e-8.
        prop_assert!((w2(&a, &b) - expected).abs() < 1e-7 * (1.0 + expected));
    }

    /// The gradient of a convex function is optimal (Brenier): from N(m, C) by `x ↦ A x + b`, A symmetric positive
    /// definite, to N(A m + b, A C A), at the cost `E|A x + b − x|²`. The covariances do not commute.
    #[test]
    fn a_known_optimal_map_has_its_cost(seed: u64, dim in 1i64..6, rank in 1i64..6) {
        let a = moments(seed, 0, dim, rank);
        let map = semidefinite(seed, 1, dim, dim) * 0.3 + eye(dim) * 0.2;
        let mean = map.mv(&a.mean) + normal(seed, 2, &[dim]);
        let moved = &map - eye(dim);
        let spread = moved.matmul(&a.covariance).matmul(&moved).trace().double_value(&[]);
        let expected = (norm(&(&mean - &a.mean)).powi(2) + spread).sqrt();
        let b = Moments { mean, covariance: map.matmul(&a.covariance).matmul(&map) };
        prop_assert!((w2(&a, &b) - expected).abs() < 1e-7 * (1.0 + expected), "{} {expected}", w2(&a, &b));
    }

    #[test]
    fn it_is_a_metric(seed: u64, dim in 1i64..6, ranks in prop::array::uniform3(1i64..6)) {
        let [a, b, c] = [0, 1, 2].map(|index| moments(seed, index, dim, ranks[index as usize]));
        let ab = w2(&a, &b);
        prop_assert!(ab > 0.0 && close(ab, w2(&b, &a)));
        prop_assert!(ab <= (w2(&a, &c) + w2(&c, &b)) * (1.0 + 1e-12));
        prop_assert!(w2(&a, &a) < 1e-12, "{}", w2(&a, &a));
    }

    #[test]
    fn a_translation_costs_its_length_and_moves_both_alike(seed: u64, dim in 1i64..6, rank in 1i64..6) {
        let (a, b) = (moments(seed, 0, dim, rank), moments(seed, 1, dim, dim));
        let shift = normal(seed, 2, &[dim]);
        let moved = |x: &Moments| Moments { mean: &x.mean + &shift, covariance: x.covariance.copy() };
        prop_assert!(close(w2(&a, &moved(&a)), norm(&shift)));
        prop_assert!(close(w2(&moved(&a), &moved(&b)), w2(&a, &b)));
    }

    /// Two segments `N(0, aaᵀ)`, `N(0, bbᵀ)`: `W2² = |a|² + |b|² − 2|a·b|`; and a point: `W2² = tr C`.
    #[test]
    fn singular_covariances_are_no_exception(seed: u64, dim in 2i64..6) {
        let [a, b] = [0, 1].map(|index| normal(seed, index, &[dim]));
        let centred = |covariance: Tensor| Moments { mean: a.zeros_like(), covariance };
        let expected = (norm(&a).powi(2) + norm(&b).powi(2) - 2.0 * a.dot(&b).double_value(&[]).abs()).sqrt();
        let (first, second) = (centred(a.outer(&a)), centred(b.outer(&b)));
        prop_assert!(close(w2(&first, &second), expected));
        prop_assert!(close(w2(&first, &centred(a.outer(&a) * 0.0)), norm(&a)));
    }
}

#[test]
fn close_laws_keep_their_digits() {
    // In the trace formula the distance 1e-9 would drown in the round-off of the traces, 1e-8 after the root.
    let of = |deviation: f64| Moments {
        mean: Tensor::zeros([3], (Kind::Double, Device::Cpu)),
        covariance: eye(3) * deviation * deviation,
    };
    let found = w2(&of(2.0), &of(2.0 + 1e-9));
    assert!((found - 3f64.sqrt() * 1e-9).abs() < 1e-14, "{found}");
}

#[test]
fn single_precision_is_read() {
    let covariance = (semidefinite(3, 0, 4, 4)).to_kind(Kind::Float);
    let a = Moments { mean: Tensor::zeros([4], (Kind::Float, Device::Cpu)), covariance };
    let b = Moments { mean: &a.mean + 1.0, covariance: a.covariance.to_kind(Kind::Double) };
    assert!(close(w2(&a, &b), 2.0));
}

#[test]
fn moments_of_points_by_hand() {
    let x = Tensor::from_slice(&[0.0f32, 1.0, 2.0, 1.0, 4.0, 7.0]).view([3, 2]);
    let Moments { mean, covariance } = Moments::of(&x).unwrap();
    assert_eq!(mean, Tensor::from_slice(&[2.0, 3.0]));
    let expected = Tensor::from_slice(&[8.0 / 3.0, 4.0, 4.0, 8.0]).view([2, 2]);
    assert!((covariance - expected).abs().max().double_value(&[]) < 1e-14);
    assert!(matches!(Moments::of(&x.narrow(0, 0, 0)), Err(Error::TooFew { found: 0, .. })));
    assert!(matches!(Moments::of(&x.view(-1)), Err(Error::Torch { .. })));
}

#[test]
fn what_is_no_gaussian_is_refused() {
    let good = Moments { mean: Tensor::from_slice(&[0.0, 1.0]), covariance: eye(2) };
    let check = |mean: &[f64], covariance: &[f64]| {
        let covariance = Tensor::from_slice(covariance).view([mean.len() as i64, -1]);
        let bad = Moments { mean: Tensor::from_slice(mean), covariance };
        let [one, other] = [wasserstein2_gaussian(&bad, &good), wasserstein2_gaussian(&good, &bad)];
        assert_eq!(
            std::mem::discriminant(other.as_ref().unwrap_err()),
            std::mem::discriminant(one.as_ref().unwrap_err())
        );
        other.unwrap_err()
    };
    assert!(matches!(check(&[0.0, 1.0, 2.0], &[1.0; 9]), Error::Core(_)));
    assert!(matches!(check(&[0.0, 1.0], &[1.0; 6]), Error::Core(_)));
    assert!(matches!(check(&[0.0, f64::NAN], &[1.0, 0.0, 0.0, 1.0]), Error::NotFinite { .. }));
    assert!(matches!(check(&[0.0, 1.0], &[1.0, 0.0, 0.0, f64::INFINITY]), Error::NotFinite { .. }));
    let error = check(&[0.0, 1.0], &[1.0, 0.5, 0.4, 1.0]);
    assert!(
        matches!(error, Error::NotACovariance { .. }) && error.to_string().contains("symmetric"),
        "{error}"
    );
    let error = check(&[0.0, 1.0], &[1.0, 2.0, 2.0, 1.0]);
    assert!(error.to_string().ends_with("-1") || error.to_string().contains("-0.99"), "{error}");
}

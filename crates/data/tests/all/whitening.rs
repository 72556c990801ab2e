//! The whitening map: moments, inverse, Jacobian, numbers.

#![allow(clippy::unwrap_used)]

use interflow_core::rng::{Purpose, Stream};
use interflow_data::{Error, Whitening, WhiteningNumbers};
use proptest::prelude::*;
use tch::{Kind, Tensor};

/// Correlated rows `[n, dim]` of unlike scales.
fn rows(n: i64, dim: i64, seed: u64) -> Tensor {
    let mut draw = Stream::new(seed, Purpose::Test).at(0);
    let mix =
        draw.normal(&[dim, dim], Kind::Double) + Tensor::eye(dim, (Kind::Double, tch::Device::Cpu)) * 3.0;
    let scale = draw.normal(&[dim], Kind::Double).exp();
    draw.normal(&[n, dim], Kind::Double).matmul(&mix) * scale + draw.normal(&[dim], Kind::Double)
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn whitened_rows_have_mean_0_and_covariance_1(dim in 1i64..6, seed in 0u64..1000) {
        let x = rows(40, dim, seed);
        let whitening = Whitening::of(&x).unwrap();
        let y = whitening.whiten(&x);
        prop_assert!(largest(&y.mean_dim(0i64, false, Kind::Double)) < 1e-9);
        let covariance = y.tr().matmul(&y) / 40.0;
        prop_assert!(largest(&(covariance - Tensor::eye(dim, (Kind::Double, tch::Device::Cpu)))) < 1e-8);
        prop_assert!(largest(&(whitening.restore(&y) - &x)) < 1e-9 * (1.0 + largest(&x)));
    }

    #[test]
    fn the_jacobian_is_that_of_the_map(dim in 1i64..6, seed in 0u64..1000) {
        let whitening = Whitening::of(&rows(40, dim, seed)).unwrap();
        // The map is affine: its derivative is its difference along unit vectors.
        let origin = Tensor::zeros([1, dim], (Kind::Double, tch::Device::Cpu));
        let units = Tensor::eye(dim, (Kind::Double, tch::Device::Cpu));
        let derivative = whitening.whiten(&units) - whitening.whiten(&origin);
        let expected = Tensor::linalg_det(&derivative).abs().log().double_value(&[]);
        prop_assert!((whitening.log_jacobian() - expected).abs() < 1e-8, "{expected}");
    }

    #[test]
    fn numbers_give_the_same_map(dim in 1i64..6, seed in 0u64..1000) {
        let x = rows(40, dim, seed);
        let whitening = Whitening::of(&x).unwrap();
        let again = Whitening::from_numbers(&whitening.numbers()).unwrap();
        prop_assert_eq!(again.dim(), dim);
        prop_assert_eq!(again.whiten(&x), whitening.whiten(&x));
    }
}

#[test]
fn what_is_no_whitening_is_refused() {
    let refused = |rows: &Tensor| matches!(Whitening::of(rows), Err(Error::Rows { .. }));
    assert!(refused(&Tensor::ones([9, 2], (Kind::Float, tch::Device::Cpu))));
    assert!(refused(&(rows(9, 2, 0) * f64::NAN)));
    for (mean, factor, problem) in [
        ("1 x", "1 0 1", "mean"),
        ("", "", "mean"),
        ("1 2", "1 0 y", "factor"),
        ("1 2", "1 0", "2 numbers cannot fill a triangle of 2 rows"),
        ("1 2", "1 0 -1", "diagonal"),
        ("1 2", "1 0 inf", "factor"),
    ] {
        let numbers = WhiteningNumbers { mean: mean.into(), factor: factor.into() };
        let message = Whitening::from_numbers(&numbers).unwrap_err().to_string();
        assert!(message.contains(problem), "{message}");
    }
}

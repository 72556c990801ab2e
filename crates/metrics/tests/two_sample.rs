//! The two-sample test keeps its level under the null hypothesis and has power against a shift.

use interflow_core::rng::{Draw, Purpose, Stream};
use interflow_metrics::{Error, energy_distance_test};
use tch::{Kind, Tensor};

fn draw(index: u64) -> Draw {
    Stream::new(11, Purpose::Resample).at(index)
}

#[test]
fn p_values_under_the_null_are_uniform() {
    let n_trials = 60;
    let p_values: Vec<f64> = (0..n_trials)
        .map(|trial| {
            let mut draw = draw(trial);
            let (a, b) = (draw.normal(&[40, 3], Kind::Double), draw.normal(&[50, 3], Kind::Double));
            energy_distance_test(&a, &b, 99, &mut draw).unwrap().p_value
        })
        .collect();
    // The mean of 60 uniform numbers has a standard error of 0.037; four of them are allowed.
    let mean = p_values.iter().sum::<f64>() / n_trials as f64;
    assert!((mean - 0.505).abs() < 0.15, "{mean}");
    assert!(p_values.iter().filter(|p| **p <= 0.05).count() <= 10);
}

#[test]
fn a_shift_is_found() {
    let mut draw = draw(1000);
    let (a, b) = (draw.normal(&[150, 2], Kind::Float), draw.normal(&[130, 2], Kind::Float) + 0.6);
    let test = energy_distance_test(&a, &b, 199, &mut draw).unwrap();
    assert!(test.p_value <= 0.005 + 1e-12 && test.statistic > 0.0, "{test:?}");
}

#[test]
fn the_statistic_of_two_pairs_by_hand() {
    let a = Tensor::from_slice(&[0.0, 1.0]).view([2, 1]);
    let b = Tensor::from_slice(&[2.0, 4.0]).view([2, 1]);
    // 2 (2 + 4 + 1 + 3)/4 − 2·1/4 − 2·2/4 = 5 − 0.5 − 1.
    let test = energy_distance_test(&a, &b, 9, &mut draw(0)).unwrap();
    assert!((test.statistic - 3.5).abs() < 1e-12, "{test:?}");
}

/// Far from 0 a product of matrices would leave no digit of a distance: the numbers there have seven after the point.
#[test]
fn moving_both_samples_changes_nothing() {
    let mut noise = draw(1001);
    let (a, b) = (noise.normal(&[150, 3], Kind::Double), noise.normal(&[130, 3], Kind::Double) + 0.3);
    let near = energy_distance_test(&a, &b, 199, &mut draw(5)).unwrap();
    for offset in [1e3, 1e6, 1e9] {
        let far = energy_distance_test(&(&a + offset), &(&b + offset), 199, &mut draw(5)).unwrap();
        assert!((far.statistic - near.statistic).abs() < 1e-6, "{offset}: {far:?} instead of {near:?}");
        assert!((far.p_value - near.p_value).abs() < 0.011, "{offset}: {far:?} instead of {near:?}");
    }
}

#[test]
fn senseless_samples_are_refused() {
    let good = Tensor::zeros([4, 2], (Kind::Float, tch::Device::Cpu));
    let check = |bad: &Tensor| energy_distance_test(&good, bad, 9, &mut draw(0)).unwrap_err();
    assert!(matches!(check(&good.narrow(0, 0, 1)), Error::TooFew { found: 1, .. }));
    assert!(matches!(check(&good.narrow(1, 0, 1)), Error::Core(_)));
    assert!(matches!(check(&(&good + f64::NAN)), Error::NotFinite { .. }));
    assert!(matches!(check(&(good.to_kind(Kind::Double) + 1e200)), Error::NotFinite { .. }));
}

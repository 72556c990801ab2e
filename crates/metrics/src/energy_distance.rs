//! An unbiased estimate of the energy distance between two laws.

use interflow_core::shape::check_points;
use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// The energy distance `2 E|X − Y| − E|X − X'| − E|Y − Y'|` between the laws of `a`, `[N, D]`, and `b`, `[M, D]`,
/// estimated from pairs of different points only (U-statistic). For equal laws its mean is 0, where that of the
/// statistic of [`crate::energy_distance_test`] is `E|X − X'| (1/N + 1/M)`; it may be negative. It takes O((N + M)²)
/// memory.
///
/// # Errors
/// [`Error::TooFew`] for fewer than two points in a sample, [`Error::NotFinite`], or a shape that does not fit.
pub fn energy_distance(a: &Tensor, b: &Tensor) -> Result<f64> {
    let operation = "energy distance";
    let dim = a.size().get(1).copied().unwrap_or(0);
    check_points(operation, a, dim)?;
    check_points(operation, b, dim)?;
    let (n, m) = (a.size()[0], b.size()[0]);
    if n.min(m) < 2 {
        return Err(Error::TooFew { operation, needed: 2, found: n.min(m) });
    }
    let [a, b] = [a, b].map(|x| x.to_device(Device::Cpu).to_kind(Kind::Double));
    // Distances come by a product of matrices, in which a mean far from 0 would cost all digits.
    let centre = a.mean_dim(0i64, true, Kind::Double);
    let (a, b) = (a - &centre, b - centre);
    let sum =
        |x: &Tensor, y: &Tensor| Tensor::cdist(x, y, 2.0, None::<i64>).sum(Kind::Double).double_value(&[]);
    let (n, m) = (n as f64, m as f64);
    let found = 2.0 * sum(&a, &b) / (n * m) - sum(&a, &a) / (n * (n - 1.0)) - sum(&b, &b) / (m * (m - 1.0));
    if found.is_finite() { Ok(found) } else { Err(Error::NotFinite { operation }) }
}

#[cfg(test)]
mod tests {
    use interflow_core::rng::{Purpose, Stream};

    use super::*;

    /// For N(0, 1) and N(m, 1) in one dimension, `E|X − Y|` is known; the distance of equal laws is zero on average.
    #[test]
    fn equal_laws_have_none_and_shifted_ones_the_known_one() {
        let draw = |index, shift: f64| {
            Stream::new(5, Purpose::Test).at(index).normal(&[800, 1], Kind::Double) + shift
        };
        let equal: Vec<f64> =
            (0..20).map(|k| energy_distance(&draw(2 * k, 0.0), &draw(2 * k + 1, 0.0)).unwrap()).collect();
        let mean = equal.iter().sum::<f64>() / 20.0;
        // The biased statistic would be 2/√π · 2/800 = 2.8e-3.
        assert!(mean.abs() < 8e-4, "{mean}");
        // E|X − Y| = (2/√π) exp(−m²/4) + m erf(m/2), with erf(1/2) = 0.5204998778.
        let between = 2.0 / std::f64::consts::PI.sqrt() * (-0.25f64).exp() + 0.520_499_877_8;
        let expected = 2.0 * between - 4.0 / std::f64::consts::PI.sqrt();
        let found = energy_distance(&draw(50, 0.0), &draw(51, 1.0)).unwrap();
        assert!((found - expected).abs() < 0.08, "{found}, expected {expected}");
    }

    #[test]
    fn too_few_points_and_other_shapes_are_refused() {
        let zeros = |n, d| Tensor::zeros([n, d], (Kind::Double, Device::Cpu));
        assert!(energy_distance(&zeros(1, 2), &zeros(3, 2)).is_err());
        assert!(energy_distance(&zeros(4, 2), &zeros(3, 5)).is_err());
        assert!(energy_distance(&zeros(4, 2), &(zeros(3, 2) + f64::NAN)).is_err());
    }
}

//! Means and deviations of columns of any magnitude.

use tch::{Kind, Tensor};

/// Magnitudes whose squares are numbers without a loss.
const MODERATE: std::ops::Range<f64> = 1e-140..1e140;

/// Mean and deviation of each column of `rows`, `[N, D]`, with uniform noise of the quantum added to it. Columns of
/// extreme numbers are divided by the largest first, whose square may be none.
pub(super) fn of(rows: &Tensor, quanta: &[f64]) -> Vec<(f64, f64)> {
    let largest = rows.abs().amax(0i64, false);
    let scale = |d: usize| {
        let largest = largest.double_value(&[d as i64]);
        if MODERATE.contains(&largest) { 1.0 } else { largest }
    };
    let scales: Vec<f64> = (0..quanta.len()).map(scale).collect();
    let rows = rows / Tensor::from_slice(&scales);
    let (mean, variance) = (rows.mean_dim(0i64, false, Kind::Double), rows.var_dim(0i64, false, false));
    let moments = |(d, (&quantum, &scale)): (usize, (&f64, &f64))| {
        let (mean, variance) = (mean.double_value(&[d as i64]), variance.double_value(&[d as i64]));
        let noise = (quantum / scale) * (quantum / scale) / 12.0;
        (mean * scale + 0.5 * quantum, (variance + noise).sqrt() * scale)
    };
    quanta.iter().zip(&scales).enumerate().map(moments).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extreme_numbers_have_moments_too() {
        for scale in [1.0, 1e300, 1e-310, 1e-200] {
            let rows = Tensor::from_slice(&[1.0 * scale, 2.0 * scale, 3.0 * scale, 4.0 * scale]).view([4, 1]);
            let (mean, deviation) = of(&rows, &[0.0])[0];
            assert!((mean / scale - 2.5).abs() < 1e-12, "{scale:e}: {mean:e}");
            assert!((deviation / scale - 1.25_f64.sqrt()).abs() < 1e-12, "{scale:e}: {deviation:e}");
        }
    }

    #[test]
    fn noise_of_a_quantum_adds_its_moments() {
        let (mean, deviation) = of(&Tensor::from_slice(&[0.0, 2.0]).view([2, 1]), &[1.0])[0];
        assert!((mean - 1.5).abs() < 1e-15 && (deviation - (1.0 + 1.0 / 12.0_f64).sqrt()).abs() < 1e-15);
    }
}

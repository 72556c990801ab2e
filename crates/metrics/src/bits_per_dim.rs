//! Bits per dimension: the unit in which likelihoods of images are compared.

use tch::Tensor;

/// Bits per dimension, `[B]`, of images with `n_levels` levels in each of `dim` numbers, whose dequantised values in
/// [−1, 1] have the log-density `log_density`, `[B]` in nats: `−log ρ/(D ln 2) + log₂(n_levels/2)`.
///
/// The second term accounts for the width `2/n_levels` of a level. By Jensen's inequality, the mean over the
/// dequantisation noise is an upper bound on the bits/dim of the discrete image.
pub fn bits_per_dim(log_density: &Tensor, dim: i64, n_levels: i64) -> Tensor {
    log_density * (-1.0 / (dim as f64 * std::f64::consts::LN_2)) + (n_levels as f64 / 2.0).log2()
}

#[cfg(test)]
mod tests {
    use interflow_core::density::{Density, Gaussian};
    use interflow_core::rng::{Purpose, Stream};
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn pixels_without_any_structure_take_all_their_bits() {
        // Uniform on [−1, 1]³: log ρ = −3 ln 2.
        let log_density = Tensor::from_slice(&[-3.0 * std::f64::consts::LN_2]);
        for (n_levels, bits) in [(256, 8.0), (2, 1.0), (32, 5.0)] {
            let found = bits_per_dim(&log_density, 3, n_levels).double_value(&[0]);
            assert!((found - bits).abs() < 1e-12, "{found} for {n_levels} levels");
        }
    }

    /// Pixels that are a correlated Gaussian, rounded to levels far finer than its deviation and dequantised again:
    /// their mean is the differential entropy in units of a level.
    #[test]
    fn a_known_gaussian_set_takes_its_entropy() {
        let (n, dim, n_levels) = (4000, 3, 256);
        let factor = Tensor::from_slice(&[0.1, 0.0, 0.0, 0.05, 0.08, 0.0, -0.06, 0.03, 0.12]).view([3, 3]);
        let mut draw = Stream::new(5, Purpose::Test).at(0);
        let x = draw.normal(&[n, dim], Kind::Double).matmul(&factor.tr());
        let pixels = ((x + 1.0) * 128.0).floor();
        let x = (pixels + draw.uniform(&[n, dim], Kind::Double)) / 128.0 - 1.0;
        let mean = Tensor::zeros([dim], (Kind::Double, Device::Cpu));
        let law = Gaussian::new(&mean, &factor.matmul(&factor.tr())).unwrap();
        let bits = bits_per_dim(&law.log_density(&x).unwrap(), dim, n_levels);
        let log_det = (0.1f64 * 0.08 * 0.12).ln();
        let entropy = log_det + 1.5 * (std::f64::consts::TAU.ln() + 1.0);
        let expected = entropy / (3.0 * std::f64::consts::LN_2) + 7.0;
        let error = 4.0 * bits.std(true).double_value(&[]) / (n as f64).sqrt();
        let found = bits.mean(Kind::Double).double_value(&[]);
        assert!((found - expected).abs() < error, "{found} against {expected} ± {error}");
    }
}

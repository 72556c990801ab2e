//! Muon, an optimiser with steps along orthogonalised momentum, for the weight matrices between hidden layers.
//!
//! With the gradient G, `M ← βM + (1 − β)G` and `N = (1 − β)G + βM`; the weight moves by `−η √max(1, rows/columns)`
//! times a near-orthogonal matrix with the singular directions of N, found by a few Newton–Schulz iterations (Jordan et al.
//! 2024, with their coefficients). So every direction of the matrix learns at the same speed, however small its
//! gradient is.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::error::{Result, check_range};

/// The settings of Muon.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MuonConfig {
    /// The learning rate after the warm-up, which is the spectral norm of a step.
    pub learning_rate: f64,
    /// The decay β of the running mean of gradients.
    pub momentum: f64,
    /// The Newton–Schulz iterations of a step, from 1 to 10. With three instead of five, directions whose share of the momentum
    /// is below a hundredth move less than the others, for three fifths of the work.
    pub iterations: u32,
}

impl Default for MuonConfig {
    fn default() -> Self {
        Self { learning_rate: 0.02, momentum: 0.95, iterations: 5 }
    }
}

impl MuonConfig {
    /// Rejects values that make no sense.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] naming the value.
    pub fn check(&self) -> Result<()> {
        let Self { learning_rate, momentum, iterations } = *self;
        let positive = learning_rate > 0.0 && learning_rate.is_finite();
        check_range("muon learning_rate", "positive and finite", learning_rate, positive)?;
        check_range("muon momentum", "in [0, 1)", momentum, (0.0..1.0).contains(&momentum))?;
        let few = (1..=10).contains(&iterations);
        check_range("muon iterations", "from 1 to 10", f64::from(iterations), few)
    }
}

/// Moves `weight` by one step and updates its `momentum`, both `[rows, columns]` or a convolution's `[out, in, side, side]`,
/// in place. A convolution is the matrix from the numbers it reads at one place to those it writes there, `[out, in · side²]`.
pub(crate) fn step_(
    weight: &Tensor,
    grad: &Tensor,
    momentum: &Tensor,
    config: MuonConfig,
    learning_rate: f64,
    decay: f64,
) {
    tch::no_grad(|| {
        let mean = momentum.shallow_clone().lerp_(grad, 1.0 - config.momentum);
        let matrix = grad.lerp(&mean, config.momentum).flatten(1, -1);
        let direction = orthogonalised(&matrix, config.iterations).reshape(weight.size());
        let size = matrix.size();
        let scale = (size[0] as f64 / size[1] as f64).max(1.0).sqrt();
        let mut weight = weight.shallow_clone();
        let _ = weight.g_mul_scalar_(1.0 - learning_rate * decay);
        let _ = weight.g_add_(&(direction * (-learning_rate * scale)));
    });
}

/// A matrix with the singular directions of `matrix` and, after enough iterations, singular values near 1 (between about 0.7
/// and 1.2). An iteration multiplies small ones by 3.4.
pub(crate) fn orthogonalised(matrix: &Tensor, iterations: u32) -> Tensor {
    const COEFFICIENTS: (f64, f64, f64) = (3.4445, -4.7750, 2.0315);
    let size = matrix.size();
    let tall = size[0] > size[1];
    let norm = matrix.norm().clamp_min(1e-7);
    let mut x = if tall { matrix.tr() } else { matrix.shallow_clone() } / norm;
    let (a, b, c) = COEFFICIENTS;
    for _ in 0..iterations {
        let square = x.mm(&x.tr());
        let polynomial = &square * b + square.mm(&square) * c;
        x = &x * a + polynomial.mm(&x);
    }
    if tall { x.tr() } else { x }
}

#[cfg(test)]
mod tests {
    use interflow_core::rng::{Purpose, Stream};
    use tch::{Device, Kind};

    use super::*;

    fn matrix(rows: i64, columns: i64) -> Tensor {
        Stream::new(5, Purpose::Test).at(0).normal(&[rows, columns], Kind::Double)
    }

    #[test]
    fn singular_directions_stay_and_values_become_one() {
        for (rows, columns) in [(12, 12), (20, 8), (8, 20)] {
            let x = matrix(rows, columns);
            let found = orthogonalised(&x, 5);
            let (_, values, _) = found.svd(true, true);
            let range = (values.min().double_value(&[]), values.max().double_value(&[]));
            assert!(range.0 > 0.3 && range.1 < 1.3, "{range:?}");
            // The nearest orthogonal matrix, U Vᵀ, from the decomposition.
            let (u, _, v) = x.svd(true, true);
            let exact = u.mm(&v.tr());
            let cosine = (&found * &exact).sum(None).double_value(&[])
                / (found.norm().double_value(&[]) * exact.norm().double_value(&[]));
            assert!(cosine > 0.95, "{cosine} for {rows} by {columns}");
        }
    }

    #[test]
    fn few_iterations_leave_small_directions_small() {
        let x = Tensor::from_slice(&[1.0, 1e-3]).diag(0);
        let smaller = |iterations: u32| orthogonalised(&x, iterations).double_value(&[1, 1]);
        // Each multiplies what is small by its first coefficient.
        assert!((smaller(3) / 3.4445f64.powi(3) / 1e-3 - 1.0).abs() < 0.01, "{}", smaller(3));
        assert!(smaller(5) > 0.4, "{}", smaller(5));
    }

    /// A convolution moves as the matrix of its flattened filters, also where it has more outputs than inputs.
    #[test]
    fn a_convolution_is_a_matrix() {
        for size in [[4, 3, 5, 5], [12, 5, 1, 1]] {
            let grad = matrix(size[0], size[1] * size[2] * size[3]);
            let moved = |size: &[i64]| {
                let weight = Tensor::zeros(size, (Kind::Double, Device::Cpu));
                let momentum = weight.zeros_like();
                step_(&weight, &grad.view(size), &momentum, MuonConfig::default(), 0.1, 0.0);
                (weight.flatten(1, -1), momentum.flatten(1, -1))
            };
            assert_eq!(moved(&size), moved(&grad.size()));
        }
    }

    #[test]
    fn a_step_has_the_asked_size_and_decays_the_weight() {
        let (weight, grad) = (Tensor::ones([9, 9], (Kind::Double, Device::Cpu)), matrix(9, 9));
        let momentum = weight.zeros_like();
        let before = weight.copy();
        step_(&weight, &grad, &momentum, MuonConfig::default(), 0.1, 0.5);
        let moved = &weight - before * 0.95;
        let largest = moved.svd(true, true).1.max().double_value(&[]);
        assert!((0.06..0.14).contains(&largest), "{largest}");
        assert!((&momentum - &grad * 0.05).abs().max().double_value(&[]) < 1e-12);
        assert!((&moved * &grad).sum(None).double_value(&[]) < 0.0, "against the gradient");
    }
}

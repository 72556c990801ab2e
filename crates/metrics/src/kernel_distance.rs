//! The kernel distance between two sets of features (Bińkowski et al. 2018), which with the features of Inception is
//! the "KID".

use interflow_core::rng::Draw;
use interflow_core::shape::check_points;
use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

const OPERATION: &str = "kernel distance";

/// A kernel distance, with its spread over random subsets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KernelDistance {
    /// The mean over random subsets: an unbiased estimate of MMD², which may be negative.
    pub mean: f64,
    /// The standard deviation over the random subsets.
    pub deviation: f64,
}

/// The kernel distance between features `a`, `[N, D]`, and `b`, `[M, D]`: an unbiased estimate of the squared maximum
/// mean discrepancy with the kernel `(x·y/D + 1)³`, averaged over `n_subsets` random subsets of `n` features of each.
///
/// # Errors
/// [`Error::TooFew`] unless 2 ≤ `n` ≤ N, M and `n_subsets` ≥ 1, [`Error::NotFinite`], or a shape that does not fit.
pub fn kernel_distance(
    a: &Tensor,
    b: &Tensor,
    n: i64,
    n_subsets: usize,
    draw: &mut Draw,
) -> Result<KernelDistance> {
    let dim = a.size().get(1).copied().unwrap_or(0);
    check_points(OPERATION, a, dim)?;
    check_points(OPERATION, b, dim)?;
    let (n_a, n_b) = (a.size()[0], b.size()[0]);
    for (needed, found) in [(n, n_a.min(n_b)), (2, n), (1, n_subsets as i64)] {
        if found < needed {
            return Err(Error::TooFew { operation: OPERATION, needed, found });
        }
    }
    let values: Vec<f64> = (0..n_subsets)
        .map(|_| {
            let [a, b] = [(a, n_a), (b, n_b)].map(|(x, of)| {
                let chosen = draw.permutation(of as usize).into_iter().take(n as usize).map(i64::from);
                let chosen = Tensor::from_slice(&chosen.collect::<Vec<_>>()).to_device(x.device());
                x.index_select(0, &chosen).to_device(Device::Cpu).to_kind(Kind::Double)
            });
            discrepancy(&a, &b)
        })
        .collect();
    let mean = values.iter().sum::<f64>() / n_subsets as f64;
    if !mean.is_finite() {
        return Err(Error::NotFinite { operation: OPERATION });
    }
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n_subsets as f64;
    Ok(KernelDistance { mean, deviation: variance.sqrt() })
}

/// The unbiased estimate for `a` and `b`, `[n, D]` each: means over the pairs of different points.
fn discrepancy(a: &Tensor, b: &Tensor) -> f64 {
    let (n, dim) = (a.size()[0] as f64, a.size()[1] as f64);
    let kernel = |x: &Tensor, y: &Tensor| (x.matmul(&y.tr()) / dim + 1.0).pow_tensor_scalar(3);
    let sum = |k: Tensor| k.sum(Kind::Double).double_value(&[]);
    let within = |x: &Tensor| {
        let k = kernel(x, x);
        (sum(k.shallow_clone()) - k.trace().double_value(&[])) / (n * (n - 1.0))
    };
    within(a) + within(b) - 2.0 * sum(kernel(a, b)) / (n * n)
}

//! The least cost of transport between two samples, and the exact cost along a given path between Gaussians.

use interflow_core::interpolant::Interpolant;
use interflow_core::shape::{check_same, check_times};
use tch::{Device, Kind, Tensor};

use crate::assignment::assign;
use crate::costs::Costs;
use crate::error::Result;
use crate::trajectory::simpson;

/// Intervals of the time integral: with the smooth coefficients of a few Fourier terms it is exact to ten digits.
const N_INTERVALS: usize = 512;

/// The mean squared distance between the points of two samples, `x0` and `x1`, both `[n, D]`, under the best pairing.
///
/// It is the W2² of the samples. As an estimate of the W2² of their laws it is too large on average, because finite
/// samples differ even if their laws are equal.
///
/// # Errors
/// If the shapes differ, or a number is not finite.
pub fn discrete_cost(x0: &Tensor, x1: &Tensor) -> Result<f64> {
    let costs = Costs::squared_distances(x0, x1)?;
    Ok(costs.mean_of(&assign(&costs)?))
}

/// The transport cost `∫E|v_t(x_t)|² dt` of the exact velocity between N(0, I) and N(m, diag s²) with the independent
/// coupling along `interpolant`, as a scalar that is differentiable in the interpolant's parameters.
///
/// With the variances `σ² = α² + β² s² + γ²` of `x_t`, `v = β̇ m + (αα̇ + ββ̇ s² + γγ̇)(x − β m)/σ²`, and so
/// `E|v|² = β̇² |m|² + Σ (αα̇ + ββ̇ s² + γγ̇)²/σ²`.
///
/// # Shapes
/// `mean` and `variances` (s²) are `[D]`.
///
/// # Errors
/// If the shapes differ, or the path has a correction.
pub fn gaussian_path_cost(interpolant: &Interpolant, mean: &Tensor, variances: &Tensor) -> Result<Tensor> {
    interpolant.check_uncorrected("the exact cost of a path")?;
    check_same("the exact cost of a path", mean, variances)?;
    check_times("the exact cost of a path", mean, mean.numel() as i64)?;
    let options = (Kind::Double, Device::Cpu);
    let t = Tensor::linspace(0.0, 1.0, N_INTERVALS as i64 + 1, options).unsqueeze(1);
    let weights: Vec<f64> = (0..=N_INTERVALS).map(|index| simpson(index, N_INTERVALS)).collect();
    let place = |x: &Tensor| x.to_device(Device::Cpu).to_kind(Kind::Double).unsqueeze(0);
    let (mean, variances) = (place(mean), place(variances));
    let c = interpolant.coefficients(&t);
    let s = &c.schedule;
    let mut variance = s.alpha.square() + s.beta.square() * &variances;
    let mut growth = &s.alpha * &s.alpha_dot + &s.beta * &s.beta_dot * &variances;
    if let Some(latent) = &c.latent {
        variance += latent.gamma.square();
        growth += &latent.gamma_gamma_dot;
    }
    let square = s.beta_dot.square() * mean.square() + growth.square() / variance;
    let per_time = square.sum_dim_intlist(1i64, false, Kind::Double);
    Ok((per_time * Tensor::from_slice(&weights)).sum(Kind::Double))
}

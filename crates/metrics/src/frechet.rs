//! The Fréchet distance between two sets of features (Heusel et al. 2017), which is that between Gaussians with their
//! moments.

use crate::{Moments, Result, wasserstein2_gaussian};

/// The Fréchet distance `|m − n|² + tr(C + S − 2 (C^½ S C^½)^½)` between the Gaussians with moments `a` and `b`. With
/// the features of [`crate::Inception`] and covariances divided by N − 1 it is the "FID".
///
/// It is the square of the Wasserstein distance. Covariances may be singular, as they are with fewer images than
/// features.
///
/// # Errors
/// As [`wasserstein2_gaussian`].
pub fn frechet_distance(a: &Moments, b: &Moments) -> Result<f64> {
    Ok(wasserstein2_gaussian(a, b)?.powi(2))
}

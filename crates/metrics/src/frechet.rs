//! The Fréchet distance of two sets of features (Heusel et al. 2017): that of the Gaussians with their moments.

use crate::{Moments, Result, wasserstein2_gaussian};

/// The Fréchet distance `|m − n|² + tr(C + S − 2 (C^½ S C^½)^½)` between the laws with moments `a` and `b`; with the
/// features of [`crate::Inception`], and covariances divided by N − 1, it is the "FID".
///
/// It is a square: that of the Wasserstein distance between Gaussians. Covariances may be singular, as those of fewer
/// images than features are.
///
/// # Errors
/// As [`wasserstein2_gaussian`].
pub fn frechet_distance(a: &Moments, b: &Moments) -> Result<f64> {
    Ok(wasserstein2_gaussian(a, b)?.powi(2))
}

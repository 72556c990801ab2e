//! Eight Gaussians on a circle, as in Grathwohl et al., *FFJORD* (2019).

use std::f64::consts::{FRAC_PI_4, SQRT_2};

use tch::Tensor;

use crate::density::GaussianMixture;
use crate::error::Result;

/// The radius of the circle of means, about 2.83.
const RADIUS: f64 = 4.0 / SQRT_2;
/// The components' standard deviation, about 0.354.
const STD: f64 = 0.5 / SQRT_2;

/// Equal weights, means at radius 4/√2 and angles that are multiples of 45°, standard deviation 0.5/√2.
///
/// # Errors
/// None: the constants are valid.
pub fn eight_gaussians() -> Result<GaussianMixture> {
    let means: Vec<f64> = (0..8)
        .flat_map(|k| {
            let (sin, cos) = (f64::from(k) * FRAC_PI_4).sin_cos();
            [RADIUS * cos, RADIUS * sin]
        })
        .collect();
    GaussianMixture::spherical(&Tensor::from_slice(&means).view([8, 2]), STD)
}

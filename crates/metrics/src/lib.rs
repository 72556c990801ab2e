//! What flows are judged by: means with standard errors, two-sample tests, Gaussian fits, distances.

pub mod bits_per_dim;
pub mod error;
pub mod estimate;
pub mod gaussian_fit;
pub mod moments;
pub mod two_sample;
pub mod wasserstein;

pub use bits_per_dim::bits_per_dim;
pub use error::{Error, Result};
pub use estimate::Estimate;
pub use gaussian_fit::GaussianFit;
pub use moments::{Moments, RunningMoments};
pub use two_sample::{TwoSampleTest, energy_distance_test};
pub use wasserstein::wasserstein2_gaussian;

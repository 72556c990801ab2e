//! What flows are judged by: means with standard errors, two-sample tests, Gaussian fits.

pub mod error;
pub mod estimate;
pub mod gaussian_fit;
pub mod two_sample;

pub use error::{Error, Result};
pub use estimate::Estimate;
pub use gaussian_fit::GaussianFit;
pub use two_sample::{TwoSampleTest, energy_distance_test};

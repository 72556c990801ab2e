//! Measures by which flows are judged: means with standard errors, two-sample tests, Gaussian fits and distances
//! between samples.

mod bits_per_dim;
mod classifier_test;
mod energy_distance;
mod error;
mod estimate;
mod features;
mod frechet;
mod gaussian_fit;
mod importance;
mod inception;
mod kernel_distance;
mod marginal_distance;
mod moments;
mod nearest_distance;
mod two_sample;
mod wasserstein;

pub use bits_per_dim::bits_per_dim;
pub use classifier_test::classifier_accuracy;
pub use energy_distance::energy_distance;
pub use error::{Error, Result};
pub use estimate::Estimate;
pub use features::{FeatureCollector, FeatureStatistics};
pub use frechet::frechet_distance;
pub use gaussian_fit::GaussianFit;
pub use importance::Importance;
pub use inception::Inception;
pub use kernel_distance::{KernelDistance, kernel_distance};
pub use marginal_distance::{kolmogorov_distance, kolmogorov_p_value, total_variation};
pub use moments::{Moments, RunningMoments};
pub use nearest_distance::nearest_distance;
pub use two_sample::{TwoSampleTest, energy_distance_test};
pub use wasserstein::wasserstein2_gaussian;

//! Test targets, most of them two-dimensional; those with a closed form come with their exact log-density.

mod checkerboard;
mod diagonal_gaussian;
mod eight_gaussians;
mod pinwheel;
mod random_mixture;
mod rings;
mod spirals;
mod swissroll;
mod two_moons;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

pub use checkerboard::Checkerboard;
pub use diagonal_gaussian::DiagonalGaussian;
pub use eight_gaussians::eight_gaussians;
pub use pinwheel::Pinwheel;
pub use random_mixture::random_mixture;
pub use rings::Rings;
pub use spirals::Spirals;
pub use swissroll::Swissroll;
pub use two_moons::TwoMoons;

use crate::density::{Density, Sampler};
use crate::error::Result;
use crate::rng::{Draw, Stream};

/// A law, with its log-density if that is known.
pub struct Target {
    law: Law,
    extent: f64,
}

enum Law {
    Known(Arc<dyn Density>),
    Samples(Arc<dyn Sampler>),
}

impl Target {
    /// A law with a log-density, shown in the window [−extent, extent]².
    pub fn known(law: impl Density + 'static, extent: f64) -> Self {
        Self { law: Law::Known(Arc::new(law)), extent }
    }

    /// A law that can only be sampled, shown in the window [−extent, extent]².
    pub fn samples(law: impl Sampler + 'static, extent: f64) -> Self {
        Self { law: Law::Samples(Arc::new(law)), extent }
    }

    /// The same law without its log-density.
    #[must_use]
    pub fn without_density(self) -> Self {
        let law = match self.law {
            Law::Known(law) => Law::Samples(law),
            samples @ Law::Samples(_) => samples,
        };
        Self { law, ..self }
    }

    /// The law as something that can be sampled.
    pub fn sampler(&self) -> &dyn Sampler {
        match &self.law {
            Law::Known(law) => law.as_ref(),
            Law::Samples(law) => law.as_ref(),
        }
    }

    /// The log-density, if it is known.
    pub fn density(&self) -> Option<&dyn Density> {
        match &self.law {
            Law::Known(law) => Some(law.as_ref()),
            Law::Samples(_) => None,
        }
    }

    /// The law with its log-density, shared; `None` if the log-density is not known.
    pub fn shared_density(&self) -> Option<Arc<dyn Density>> {
        match &self.law {
            Law::Known(law) => Some(law.clone()),
            Law::Samples(_) => None,
        }
    }

    /// Half the width of a square window, centred at 0, that shows the law.
    pub fn extent(&self) -> f64 {
        self.extent
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("has_density", &self.density().is_some())
            .field("extent", &self.extent)
            .finish_non_exhaustive()
    }
}

impl Sampler for Target {
    fn dim(&self) -> i64 {
        self.sampler().dim()
    }

    fn sample(&self, n: i64, draw: &mut Draw, kind: Kind) -> Tensor {
        self.sampler().sample(n, draw, kind)
    }

    fn sample_rows(&self, first: u64, n: i64, stream: &Stream, kind: Kind) -> Tensor {
        self.sampler().sample_rows(first, n, stream, kind)
    }
}

/// A density of the library, as written in a config.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum DensityConfig {
    /// [`Checkerboard`].
    Checkerboard {},
    /// [`eight_gaussians`].
    EightGaussians {},
    /// [`Rings`].
    Rings {},
    /// [`TwoMoons`].
    TwoMoons {},
    /// [`Spirals`].
    Spirals {},
    /// [`Pinwheel`].
    Pinwheel {},
    /// [`Swissroll`].
    Swissroll {},
    /// [`random_mixture`].
    RandomMixture {
        /// The dimension D.
        dim: i64,
        /// The number of Gaussians.
        n_components: i64,
    },
    /// A Gaussian with a diagonal covariance.
    Gaussian(DiagonalGaussian),
}

impl DensityConfig {
    /// The law itself.
    ///
    /// # Errors
    /// If the parameters are out of range; densities without parameters never are.
    pub fn build(&self) -> Result<Target> {
        Ok(match self {
            Self::Checkerboard {} => Target::known(Checkerboard, 4.5),
            Self::EightGaussians {} => Target::known(eight_gaussians()?, 4.5),
            Self::Rings {} => Target::known(Rings, 4.0),
            Self::TwoMoons {} => Target::known(TwoMoons::new(), 4.0),
            Self::Spirals {} => Target::samples(Spirals, 4.0),
            Self::Pinwheel {} => Target::samples(Pinwheel, 4.5),
            Self::Swissroll {} => Target::samples(Swissroll, 4.0),
            Self::RandomMixture { dim, n_components } => {
                Target::known(random_mixture(*dim, *n_components)?, 4.0)
            }
            Self::Gaussian(gaussian) => Target::known(gaussian.build()?, gaussian.extent()),
        })
    }
}

/// Points `[n, 2]` from their coordinates, both `[n]`.
fn points(x: &Tensor, y: &Tensor, kind: Kind) -> Tensor {
    Tensor::stack(&[x, y], 1).to_kind(kind)
}

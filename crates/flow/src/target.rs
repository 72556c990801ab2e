//! The target of a flow, its law at t = 1: a data set, or a density of the library.

use std::path::Path;
use std::sync::Arc;

use interflow_core::density::Density;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::{Fresh, Source};
use interflow_core::target::Target as Law;
use interflow_core::{Points, Space};
use interflow_data::{Dataset, ImageParts};
use tch::{Kind, Tensor};

use crate::base::law;
use crate::config::TargetConfig;
use crate::error::{During as _, Result};

/// The target of a flow in training.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// use std::path::Path;
///
/// use interflow_flow::Target;
/// use interflow_flow::config::TargetConfig;
/// use tch::Kind;
///
/// let config = TargetConfig::from(interflow_core::target::DensityConfig::Checkerboard {});
/// let target = Target::load(&config, Path::new("data"))?;
/// let held_out = target.test(100, 0, Kind::Double);
/// assert_eq!((target.space().dim, held_out.len()), (2, 100));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Target {
    /// A density of the library.
    Synthetic(Arc<Law>),
    /// A data set, already split.
    Data(Box<dyn Dataset>),
}

impl Target {
    /// Loads the target that `config` names. Data sets lie below the folder `data`.
    ///
    /// # Errors
    /// If its data cannot be loaded.
    pub fn load(config: &TargetConfig, data: &Path) -> Result<Self> {
        Ok(match config {
            TargetConfig::Synthetic(config) => Self::Synthetic(law(config)?),
            TargetConfig::Data(config) => Self::Data(config.load(data).during("cannot load the target")?),
        })
    }

    /// The dimension D of its points, and what the flow is given.
    pub fn space(&self) -> Space {
        match self {
            Self::Synthetic(law) => Space::from(law.sampler().dim()),
            Self::Data(data) => data.space(),
        }
    }

    /// The data set, if the target is one.
    pub fn dataset(&self) -> Option<&dyn Dataset> {
        match self {
            Self::Synthetic(_) => None,
            Self::Data(data) => Some(&**data),
        }
    }

    /// The images with their split, if the target is a set of images.
    pub fn images(&self) -> Option<&ImageParts> {
        self.dataset().and_then(Dataset::images)
    }

    /// The source of target points from which training draws.
    pub fn training(&self) -> Box<dyn Source> {
        match self {
            Self::Synthetic(law) => Box::new(Fresh(law.clone())),
            Self::Data(data) => data.training(),
        }
    }

    /// The source of target points from which held-out checks draw: a data set's validation points, or else fresh
    /// draws of the law.
    pub fn held_out(&self) -> Box<dyn Source> {
        match self {
            Self::Synthetic(_) => self.training(),
            Self::Data(data) => data.held_out(),
        }
    }

    /// The density in closed form; `None` if it is not known.
    pub fn density(&self) -> Option<Arc<dyn Density>> {
        match self {
            Self::Synthetic(law) => law.shared_density(),
            Self::Data(_) => None,
        }
    }

    /// What to add to the log-densities of the `n` test points to get those that are reported, in nats: one number
    /// for all, or one for each, `[n]`.
    pub fn log_jacobian(&self, n: i64, seed: u64) -> Tensor {
        self.dataset().map_or_else(|| Tensor::from(0.0), |data| data.log_jacobian(n, seed))
    }

    /// Up to `n` test points, states `[n, D]`, which training never saw; they are the same at every call with the
    /// same `seed`.
    pub fn test(&self, n: i64, seed: u64, kind: Kind) -> Points {
        match self {
            Self::Synthetic(law) => {
                let stream = Stream::new(seed, Purpose::Test);
                Points::from(law.sampler().sample(n, &mut stream.at(1), kind))
            }
            Self::Data(data) => {
                let points = data.test(n, seed);
                Points { x: points.x.to_kind(kind), given: points.given }
            }
        }
    }

    /// Half the width of a square window, centred at 0, that shows the law; 4 for a data set.
    pub fn extent(&self) -> f64 {
        match self {
            Self::Synthetic(law) => law.extent(),
            Self::Data(_) => 4.0,
        }
    }
}

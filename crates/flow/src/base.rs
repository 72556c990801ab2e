//! The base of a flow, its law at t = 0: either a law that can be sampled and has a density, or a data set.

use std::path::Path;
use std::sync::Arc;

use interflow_core::density::{Density, Sampler, StandardNormal};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::{Fresh, Source};
use interflow_core::target::Target as Law;
use interflow_data::{Columns, Dataset};
use tch::{Kind, Tensor};

use crate::config::{BaseConfig, SyntheticConfig};
use crate::error::{During as _, Result, refuse};

/// The law ρ0 of the base, as far as it is known: a trained flow needs it to draw base points, and to evaluate their
/// density.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// use interflow_core::density::StandardNormal;
/// use interflow_flow::BaseLaw;
/// use tch::Kind;
///
/// let law = BaseLaw::Normal(StandardNormal { dim: 3 });
/// // Point number 7 is the same, whatever else is drawn.
/// let many = law.sample(0, 10, 42, Kind::Double)?;
/// let one = law.sample(7, 1, 42, Kind::Double)?;
/// assert_eq!(many.narrow(0, 7, 1), one);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum BaseLaw {
    /// N(0, I).
    Normal(StandardNormal),
    /// A density of the library.
    Synthetic(Arc<Law>),
    /// A law that is known by its data only: it has no density, and no new points of it can be drawn.
    Data {
        /// The dimension D of its points.
        dim: i64,
    },
}

impl BaseLaw {
    /// The dimension D of its points.
    pub fn dim(&self) -> i64 {
        match self {
            Self::Normal(normal) => normal.dim,
            Self::Synthetic(law) => law.sampler().dim(),
            Self::Data { dim } => *dim,
        }
    }

    /// Whether it is N(0, I).
    pub fn is_standard_normal(&self) -> bool {
        matches!(self, Self::Normal(_))
    }

    /// The density in closed form; `None` for a base that is known by its samples or data only.
    pub fn density(&self) -> Option<Arc<dyn Density>> {
        match self {
            Self::Normal(normal) => Some(Arc::new(*normal)),
            Self::Synthetic(law) => law.shared_density(),
            Self::Data { .. } => None,
        }
    }

    /// Points number `first` to `first + n − 1` of the endless sequence of base points, `[n, D]` of this kind on the
    /// CPU. Each is a function of `seed` and its own number.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] for a base that is known by its data only.
    pub fn sample(&self, first: u64, n: i64, seed: u64, kind: Kind) -> Result<Tensor> {
        let stream = Stream::new(seed, Purpose::Sampling);
        match self {
            Self::Normal(normal) => Ok(normal.sample_rows(first, n, &stream, kind)),
            Self::Synthetic(law) => Ok(law.sampler().sample_rows(first, n, &stream, kind)),
            Self::Data { .. } => refuse("cannot draw new base points: the base is known by its data only"),
        }
    }

    /// Half the width of a square window, centred at 0, that shows the law; 4 unless it is a two-dimensional density
    /// of the library.
    pub fn extent(&self) -> f64 {
        match self {
            Self::Synthetic(law) => law.extent(),
            _ => 4.0,
        }
    }
}

/// A density of the library as a config names it.
pub(crate) fn law(config: &SyntheticConfig) -> Result<Arc<Law>> {
    let law = config.density.build()?;
    Ok(Arc::new(if config.samples_only { law.without_density() } else { law }))
}

/// A base in training: its law and, where it is a data set, its data.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// use std::path::Path;
///
/// use interflow_flow::Base;
/// use interflow_flow::config::BaseConfig;
/// use tch::Kind;
///
/// let base = Base::load(&BaseConfig::StandardNormal {}, 3, Path::new("data"))?;
/// assert_eq!(base.test(20, 0, Kind::Float).size(), [20, 3]);
/// assert!(base.law().density().is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Base {
    law: BaseLaw,
    data: Option<Box<dyn Dataset>>,
}

impl Base {
    /// Loads the base that `config` names, for a flow of points of dimension `dim`. Data sets lie below the folder
    /// `data`.
    ///
    /// # Errors
    /// If its data cannot be loaded, have conditions, are whitened, or have another dimension than `dim`.
    pub fn load(config: &BaseConfig, dim: i64, data: &Path) -> Result<Self> {
        let base = match config {
            BaseConfig::StandardNormal {} => Self::of_law(BaseLaw::Normal(StandardNormal { dim })),
            BaseConfig::Synthetic(config) => Self::of_law(BaseLaw::Synthetic(law(config)?)),
            BaseConfig::Data(config) => Self::of_data(config.load(data).during("cannot load the base")?)?,
        };
        if base.dim() != dim {
            return refuse(format!("base and target differ in dimension: {} and {dim}", base.dim()));
        }
        Ok(base)
    }

    /// A base whose law is known.
    pub fn of_law(law: BaseLaw) -> Self {
        Self { law, data: None }
    }

    /// A base that is known by its data only.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] for data with conditions, or data that are whitened: only the target may have these.
    pub fn of_data(data: Box<dyn Dataset>) -> Result<Self> {
        if data.whitening().is_some() {
            return refuse("[base] cannot have whiten = true: only the target's rows are whitened");
        }
        if !data.space().given.is_nothing() {
            return refuse("[base] cannot have conditions: what a flow is given comes with the target");
        }
        Ok(Self { law: BaseLaw::Data { dim: data.space().dim }, data: Some(data) })
    }

    /// What is known of the base's law.
    pub fn law(&self) -> &BaseLaw {
        &self.law
    }

    /// The dimension D of its points.
    pub fn dim(&self) -> i64 {
        self.law.dim()
    }

    /// The names and scales of its columns, if it is a table.
    pub fn columns(&self) -> Option<&Columns> {
        self.data.as_ref().and_then(|data| data.columns())
    }

    /// The source of base points from which training draws.
    pub fn training(&self) -> Box<dyn Source> {
        match (&self.data, &self.law) {
            (Some(data), _) => data.training(),
            (None, BaseLaw::Synthetic(law)) => Box::new(Fresh(law.clone())),
            (None, law) => Box::new(Fresh(StandardNormal { dim: law.dim() })),
        }
    }

    /// The source of base points from which held-out checks draw: a data set's validation points, or else fresh draws
    /// of the law.
    pub fn held_out(&self) -> Box<dyn Source> {
        self.data.as_ref().map_or_else(|| self.training(), |data| data.held_out())
    }

    /// Up to `n` points `[n, D]` for evaluation, which training never saw; they are the same at every call with the
    /// same `seed`.
    pub fn test(&self, n: i64, seed: u64, kind: Kind) -> Tensor {
        let stream = Stream::new(seed, Purpose::Test);
        match (&self.data, &self.law) {
            (Some(data), _) => data.test(n, seed).x.to_kind(kind),
            // At another place than the target's: two ends of one law are not the same points.
            (None, BaseLaw::Synthetic(law)) => law.sampler().sample(n, &mut stream.at(2), kind),
            (None, law) => StandardNormal { dim: law.dim() }.sample(n, &mut stream.at(0), kind),
        }
    }

    /// `n` base points `[n, D]`: fresh draws of the law, or test points if the base is known by its data only.
    pub fn points(&self, n: i64, seed: u64, kind: Kind) -> Tensor {
        self.law.sample(0, n, seed, kind).unwrap_or_else(|_| self.test(n, seed, kind))
    }
}

//! The two ends of a flow: densities or data, from their configs.

mod images;
mod rows;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use interflow_core::density::{ConditionalNormal, Density, Sampler, StandardNormal};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::{Fresh, Source};
use interflow_core::target::Target;
use interflow_data::{
    Bsds300, Columns, Gas, Hepmass, ImageParts, Miniboone, Noise, ReducedMiniboone, Whitening,
};
use tch::{Kind, Tensor};

use self::images::ImageEnd;
use self::rows::{DataSplits, Part, benchmark, power};
use crate::config::EndConfig;
use crate::units::Units;

/// One end of a flow: what training draws from, what evaluation is measured on.
pub(crate) enum End {
    /// N(0, I), behind conditions where there are any.
    Normal(ConditionalNormal),
    /// A two-dimensional density.
    Synthetic(Arc<Target>),
    /// Rows of a data set, already split.
    Rows(DataSplits),
    /// Images of a data set, already split.
    Images(ImageEnd),
}

impl End {
    /// Loads both ends; a standard normal takes the other end's dimension.
    pub(crate) fn pair(base: &EndConfig, target: &EndConfig, data: &Path) -> Result<(Self, Self)> {
        let target_end = Self::load(target, data, None)?;
        let base_end =
            Self::load(base, data, Some(target_end.dim())).and_then(|base| base.behind(target_end.n_given()));
        let base_end = base_end.context("in [base]")?;
        if base_end.whitening().is_some() {
            bail!("[base] cannot have whiten = true: only the target's rows are whitened");
        }
        if base_end.dim() != target_end.dim() {
            bail!("base and target differ in dimension: {} and {}", base_end.dim(), target_end.dim());
        }
        Ok((base_end, target_end))
    }

    /// Loads one end; a standard normal takes the dimension `dim`.
    pub(crate) fn load(config: &EndConfig, data: &Path, dim: Option<i64>) -> Result<Self> {
        Ok(match config {
            EndConfig::StandardNormal {} => match dim {
                Some(dim) => Self::Normal(ConditionalNormal { n_given: 0, normal: StandardNormal { dim } }),
                None => bail!("[target] cannot be standard-normal: the target gives the flow its dimension"),
            },
            EndConfig::Synthetic { density, samples_only } => {
                let target = density.build()?;
                Self::Synthetic(Arc::new(if *samples_only { target.without_density() } else { target }))
            }
            EndConfig::Power { fresh_noise: true } => Self::Rows(power(data, Noise::EveryVisit)?),
            EndConfig::Power { fresh_noise: false } => Self::Rows(power(data, Noise::Once)?),
            EndConfig::Gas(config) => Self::Rows(benchmark(Gas::PUBLISHED.load(data), *config)?),
            EndConfig::Hepmass(config) => Self::Rows(benchmark(Hepmass::PUBLISHED.load(data), *config)?),
            EndConfig::Miniboone(config) => Self::Rows(benchmark(Miniboone::PUBLISHED.load(data), *config)?),
            EndConfig::MinibooneReduced(config) => {
                Self::Rows(benchmark(ReducedMiniboone.load(data), *config)?)
            }
            EndConfig::Bsds300(config) => Self::Rows(benchmark(Bsds300::PUBLISHED.load(data), *config)?),
            EndConfig::Table(table) => Self::Rows(rows::table(table, data)?),
            EndConfig::Images(config) => Self::Images(ImageEnd::load(config, data)?),
        })
    }

    /// This end as the base of a flow whose first `n_given` coordinates are conditions.
    pub(crate) fn behind(self, n_given: i64) -> Result<Self> {
        match self {
            _ if n_given == 0 => Ok(self),
            Self::Normal(all) => {
                let normal = StandardNormal { dim: all.dim() - n_given };
                Ok(Self::Normal(ConditionalNormal { n_given, normal }))
            }
            _ => bail!("conditions (given) want a base of kind = \"standard-normal\""),
        }
    }

    /// How many of the first coordinates are conditions.
    pub(crate) fn n_given(&self) -> i64 {
        match self {
            Self::Images(images) => images.n_given(),
            _ => self.columns().map_or(0, |columns| columns.n_given() as i64),
        }
    }

    /// What the coordinates of the two ends mean.
    pub(crate) fn units(base: &Self, target: &Self) -> Units {
        Units { base: base.columns().cloned(), target: target.columns().cloned() }
    }

    /// The columns, where the end is a table.
    pub(crate) fn columns(&self) -> Option<&Columns> {
        match self {
            Self::Rows(splits) => splits.columns.as_ref(),
            _ => None,
        }
    }

    /// The images' parts, where the end is a set of images.
    pub(crate) fn images(&self) -> Option<&ImageParts> {
        match self {
            Self::Images(images) => Some(images.parts()),
            _ => None,
        }
    }

    /// What makes a log-density of the flow's coordinates the one that is reported: a table's is that of its rows
    /// as they stand in the file.
    pub(crate) fn log_jacobian(&self) -> f64 {
        match self {
            Self::Rows(splits) => splits.log_jacobian,
            _ => 0.0,
        }
    }

    /// All training rows once, `[N, D]`, as the flow's points, where the end is a table.
    pub(crate) fn training_points(&self, seed: u64) -> Option<Tensor> {
        let Self::Rows(splits) = self else { return None };
        Some(splits.train.batch(splits.train.n_rows(), 0, &Stream::new(seed, Purpose::Resample)))
    }

    /// The same in the test rows' units.
    pub(crate) fn training_rows(&self, seed: u64) -> Option<Tensor> {
        let points = self.training_points(seed)?;
        Some(match self.whitening() {
            Some(whitening) => whitening.restore(&points),
            None => points,
        })
    }

    /// The dimension D.
    pub(crate) fn dim(&self) -> i64 {
        match self {
            Self::Normal(normal) => normal.dim(),
            Self::Synthetic(target) => target.sampler().dim(),
            Self::Rows(splits) => splits.dim,
            Self::Images(images) => images.dim(),
        }
    }

    /// What training draws from.
    pub(crate) fn training(&self) -> Box<dyn Source> {
        match self {
            Self::Normal(normal) => Box::new(Fresh(*normal)),
            Self::Synthetic(target) => Box::new(Fresh(target.clone())),
            Self::Rows(splits) => Box::new(Part(splits.train.clone())),
            Self::Images(images) => images.training(),
        }
    }

    /// What validation draws from.
    pub(crate) fn held_out(&self) -> Box<dyn Source> {
        match self {
            Self::Rows(splits) => Box::new(Part(splits.validation.clone())),
            Self::Images(images) => images.held_out(),
            _ => self.training(),
        }
    }

    /// The density in closed form, if it is known.
    pub(crate) fn density(&self) -> Option<&dyn Density> {
        match self {
            Self::Normal(normal) => Some(normal),
            Self::Synthetic(target) => target.density(),
            Self::Rows(_) | Self::Images(_) => None,
        }
    }

    /// What makes this end's rows the flow's points, where these differ.
    pub(crate) fn whitening(&self) -> Option<&Whitening> {
        match self {
            Self::Rows(splits) => splits.whitening.as_ref(),
            _ => None,
        }
    }

    /// The same density, shared.
    pub(crate) fn shared_density(&self) -> Option<Arc<dyn Density>> {
        match self {
            Self::Normal(normal) => Some(Arc::new(*normal)),
            Self::Synthetic(target) => target.shared_density(),
            Self::Rows(_) | Self::Images(_) => None,
        }
    }

    /// Half the width of a square window that shows the density, in two dimensions.
    pub(crate) fn extent(&self) -> f64 {
        match self {
            Self::Synthetic(target) => target.extent(),
            _ => 4.0,
        }
    }

    /// Up to `n` test points `[n, D]` that training never saw.
    pub(crate) fn test_points(&self, n: i64, seed: u64, kind: Kind) -> Tensor {
        let stream = Stream::new(seed, Purpose::Test);
        match self {
            Self::Normal(normal) => normal.sample(n, &mut stream.at(0), kind),
            Self::Synthetic(target) => target.sampler().sample(n, &mut stream.at(1), kind),
            Self::Rows(splits) => {
                let n = n.min(splits.test.size()[0]);
                splits.test.narrow(0, 0, n).to_kind(kind)
            }
            Self::Images(images) => images.test_points(n, &stream).to_kind(kind),
        }
    }

    /// Points `first..first + n` of the endless sequence of base points, each a function of its own number.
    pub(crate) fn sampling_points(&self, first: u64, n: i64, seed: u64, kind: Kind) -> Result<Tensor> {
        let stream = Stream::new(seed, Purpose::Sampling);
        match self {
            Self::Normal(normal) => Ok(normal.sample_rows(first, n, &stream, kind)),
            Self::Synthetic(target) => Ok(target.sampler().sample_rows(first, n, &stream, kind)),
            Self::Rows(_) | Self::Images(_) => {
                bail!("cannot draw new base points: the base is known by its data only")
            }
        }
    }
}

//! The two ends of a flow: densities or data, from their configs.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use interflow_core::density::{Density, Sampler, StandardNormal};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::{Fresh, Source};
use interflow_core::target::Target;
use interflow_data::{
    Benchmark, Bsds300, Gas, Hepmass, Miniboone, Noise, Power, ReducedMiniboone, Rows, Table, Whitening,
};
use tch::{Kind, Tensor};

use crate::config::{BenchmarkConfig, EndConfig};

/// One end of a flow: what training draws from, what evaluation is measured on.
pub(crate) enum End {
    /// N(0, I).
    Normal(StandardNormal),
    /// A two-dimensional density.
    Synthetic(Arc<Target>),
    /// Rows of a data set, already split.
    Rows(DataSplits),
}

/// A data set's parts.
pub(crate) struct DataSplits {
    train: Arc<Rows>,
    validation: Arc<Rows>,
    test: Tensor,
    dim: i64,
    /// What makes the test rows what training draws; nothing where they are that already.
    whitening: Option<Whitening>,
}

impl End {
    /// Loads both ends; a standard normal takes the other end's dimension.
    pub(crate) fn pair(base: &EndConfig, target: &EndConfig, data: &Path) -> Result<(Self, Self)> {
        let target_end = Self::load(target, data, None)?;
        let base_end = Self::load(base, data, Some(target_end.dim())).context("in [base]")?;
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
                Some(dim) => Self::Normal(StandardNormal { dim }),
                None => bail!("[target] cannot be standard-normal: the target gives the flow its dimension"),
            },
            EndConfig::Synthetic { density, samples_only } => {
                let target = density.build()?;
                Self::Synthetic(Arc::new(if *samples_only { target.without_density() } else { target }))
            }
            EndConfig::Power { fresh_noise: true } => Self::Rows(power(data, Noise::EveryVisit)?),
            EndConfig::Power { fresh_noise: false } => Self::Rows(power(data, Noise::Once)?),
            EndConfig::Gas(config) => benchmark(Gas::PUBLISHED.load(data), config)?,
            EndConfig::Hepmass(config) => benchmark(Hepmass::PUBLISHED.load(data), config)?,
            EndConfig::Miniboone(config) => benchmark(Miniboone::PUBLISHED.load(data), config)?,
            EndConfig::MinibooneReduced(config) => benchmark(ReducedMiniboone.load(data), config)?,
            EndConfig::Bsds300(config) => benchmark(Bsds300::PUBLISHED.load(data), config)?,
            EndConfig::Table { file } => Self::Rows(table(&data.join(file))?),
        })
    }

    /// The dimension D.
    pub(crate) fn dim(&self) -> i64 {
        match self {
            Self::Normal(normal) => normal.dim,
            Self::Synthetic(target) => target.sampler().dim(),
            Self::Rows(splits) => splits.dim,
        }
    }

    /// What training draws from.
    pub(crate) fn training(&self) -> Box<dyn Source> {
        match self {
            Self::Normal(normal) => Box::new(Fresh(*normal)),
            Self::Synthetic(target) => Box::new(Fresh(target.clone())),
            Self::Rows(splits) => Box::new(Part(splits.train.clone())),
        }
    }

    /// What validation draws from.
    pub(crate) fn held_out(&self) -> Box<dyn Source> {
        match self {
            Self::Rows(splits) => Box::new(Part(splits.validation.clone())),
            _ => self.training(),
        }
    }

    /// The density in closed form, if it is known.
    pub(crate) fn density(&self) -> Option<&dyn Density> {
        match self {
            Self::Normal(normal) => Some(normal),
            Self::Synthetic(target) => target.density(),
            Self::Rows(_) => None,
        }
    }

    /// What makes this end's rows the flow's points, where these differ.
    pub(crate) fn whitening(&self) -> Option<&Whitening> {
        match self {
            Self::Rows(splits) => splits.whitening.as_ref(),
            _ => None,
        }
    }

    /// All training rows once, `[N, D]`, as they are before whitening, where the end is a data set.
    pub(crate) fn training_rows(&self, seed: u64) -> Option<Tensor> {
        let Self::Rows(splits) = self else { return None };
        let rows = splits.train.batch(splits.train.n_rows(), 0, &Stream::new(seed, Purpose::Resample));
        Some(splits.whitening.as_ref().map_or_else(|| rows.copy(), |whitening| whitening.restore(&rows)))
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
        }
    }

    /// Points `first..first + n` of the endless sequence of base points, each a function of its own number.
    pub(crate) fn sampling_points(&self, first: u64, n: i64, seed: u64, kind: Kind) -> Result<Tensor> {
        let stream = Stream::new(seed, Purpose::Sampling);
        match self {
            Self::Normal(normal) => Ok(normal.sample_rows(first, n, &stream, kind)),
            Self::Synthetic(target) => Ok(target.sampler().sample_rows(first, n, &stream, kind)),
            Self::Rows(_) => bail!("cannot draw new base points: the base is known by its rows only"),
        }
    }
}

/// One part of a data set as a source.
struct Part(Arc<Rows>);

impl Source for Part {
    fn dim(&self) -> i64 {
        self.0.dim()
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Tensor {
        self.0.batch(n, step, stream)
    }
}

fn power(data: &Path, noise: Noise) -> Result<DataSplits> {
    let splits = Power::PUBLISHED.load(data, noise).context("in [target] kind = \"power\"")?;
    let dim = splits.test.size()[1];
    let validation = Arc::new(Rows::new(splits.validation)?);
    Ok(DataSplits { train: Arc::new(splits.train), validation, test: splits.test, dim, whitening: None })
}

/// A set of the tabular benchmark, whitened by its training rows if the config asks for it.
fn benchmark(parts: interflow_data::Result<Benchmark>, config: &BenchmarkConfig) -> Result<End> {
    let Benchmark { train, validation, test } = parts?;
    let whitening = config.whiten.then(|| Whitening::of(&train)).transpose()?;
    let rows = |x: Tensor| Rows::new(whitening.as_ref().map_or_else(|| x.copy(), |w| w.whiten(&x)));
    let (train, validation) = (Arc::new(rows(train)?), Arc::new(rows(validation)?));
    Ok(End::Rows(DataSplits { train, validation, dim: test.size()[1], test, whitening }))
}

/// A table's first 80 % for training, 10 % for validation, 10 % as test set, in the file's order.
fn table(file: &Path) -> Result<DataSplits> {
    let values = Table::read(file)?.values.to_kind(Kind::Float);
    let (n, dim) = (values.size()[0], values.size()[1]);
    let held = n / 10;
    if held == 0 {
        bail!("a table needs at least 10 rows to be split, found: {n} in {}", file.display());
    }
    let part = |start, length| values.narrow(0, start, length).contiguous();
    Ok(DataSplits {
        train: Arc::new(Rows::new(part(0, n - 2 * held))?),
        validation: Arc::new(Rows::new(part(n - 2 * held, held))?),
        test: part(n - held, held),
        dim,
        whitening: None,
    })
}

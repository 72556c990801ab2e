//! Data sets of rows as ends of a flow.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use interflow_core::rng::Stream;
use interflow_core::source::Source;
use interflow_data::{Benchmark, Columns, Noise, Power, Rows, TableConfig, Whitening};
use tch::Tensor;

use crate::config::BenchmarkConfig;

/// A data set's parts.
pub(crate) struct DataSplits {
    pub(super) train: Arc<Rows>,
    pub(super) validation: Arc<Rows>,
    pub(super) test: Tensor,
    pub(super) dim: i64,
    /// The columns, where they have names and scales.
    pub(super) columns: Option<Columns>,
    /// What makes a log-density of standardised rows the one that is reported.
    pub(super) log_jacobian: f64,
    /// What makes the test rows what training draws; nothing where they are that already.
    pub(super) whitening: Option<Whitening>,
}

/// One part of a data set as a source.
pub(super) struct Part(pub(super) Arc<Rows>);

impl Source for Part {
    fn dim(&self) -> i64 {
        self.0.dim()
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Tensor {
        self.0.batch(n, step, stream)
    }
}

pub(super) fn power(data: &Path, noise: Noise) -> Result<DataSplits> {
    let splits = Power::PUBLISHED.load(data, noise).context("in [target] kind = \"power\"")?;
    Ok(DataSplits {
        train: Arc::new(splits.train),
        validation: Arc::new(Rows::new(splits.validation)?),
        dim: splits.test.size()[1],
        test: splits.test,
        columns: Some(splits.standardisation.power_columns()?),
        log_jacobian: 0.0,
        whitening: None,
    })
}

/// A set of the tabular benchmark, whitened by its training rows if the config asks for it.
pub(super) fn benchmark(
    parts: interflow_data::Result<Benchmark>,
    config: BenchmarkConfig,
) -> Result<DataSplits> {
    let Benchmark { train, validation, test } = parts?;
    let whitening = config.whiten.then(|| Whitening::of(&train)).transpose()?;
    let rows = |x: Tensor| {
        Rows::new(match &whitening {
            Some(whitening) => whitening.whiten(&x),
            None => x,
        })
    };
    Ok(DataSplits {
        train: Arc::new(rows(train)?),
        validation: Arc::new(rows(validation)?),
        dim: test.size()[1],
        test,
        columns: None,
        log_jacobian: 0.0,
        whitening,
    })
}

pub(super) fn table(config: &TableConfig, data: &Path) -> Result<DataSplits> {
    let splits = config.load(data)?;
    Ok(DataSplits {
        train: Arc::new(splits.train),
        validation: Arc::new(Rows::new(splits.validation)?),
        dim: splits.test.size()[1],
        test: splits.test,
        log_jacobian: splits.columns.log_jacobian(),
        columns: Some(splits.columns),
        whitening: None,
    })
}

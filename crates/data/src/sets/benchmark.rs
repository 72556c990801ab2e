//! What the sets of the tabular benchmark of Papamakarios, Pavlakou and Murray (2017) share.
//!
//! Each set reads its publisher's files and follows the published preprocessing; the steps that they share are in
//! `steps`.

use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};

use crate::error::{Error, Result};
use crate::rows::Rows;
use crate::sizes::Sizes;
use crate::table_dataset::TableDataset;

/// The three parts of a benchmark set in single precision, in the units of its published log-likelihoods.
#[derive(Debug)]
pub struct Benchmark {
    /// Training rows `[N, D]`.
    pub train: Tensor,
    /// Validation rows `[N, D]`.
    pub validation: Tensor,
    /// Test rows `[N, D]`.
    pub test: Tensor,
}

impl Benchmark {
    /// Single-precision parts from parts of any kind.
    pub(super) fn new(train: &Tensor, validation: &Tensor, test: &Tensor) -> Self {
        let [train, validation, test] =
            [train, validation, test].map(|part| part.to_kind(Kind::Float).contiguous());
        Self { train, validation, test }
    }

    /// The number of rows of each part, and the number of columns.
    pub fn sizes(&self) -> Sizes {
        let rows = |part: &Tensor| part.size()[0];
        Sizes {
            train: rows(&self.train),
            validation: rows(&self.validation),
            test: rows(&self.test),
            dim: self.test.size()[1],
        }
    }

    /// The parts as a data set of rows as they are.
    pub(super) fn dataset(self) -> Result<TableDataset> {
        TableDataset::new(Rows::new(self.train)?, Rows::new(self.validation)?, self.test.into())
    }

    /// The parts as a data set whose training and validation rows are whitened.
    pub(super) fn whitened(self) -> Result<TableDataset> {
        TableDataset::whitened(&self.train, &self.validation, self.test)
    }

    /// Refuses parts of other sizes than the published ones: a cut file, or another one.
    pub(super) fn checked(self, name: &'static str, path: &Path, expected: Sizes) -> Result<Self> {
        check(name, path, [expected, self.sizes()])?;
        Ok(self)
    }
}

/// Refuses parts whose sizes are not the expected ones, the first of the two.
pub(super) fn check(name: &'static str, path: &Path, [expected, found]: [Sizes; 2]) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Sizes { name, path: path.into(), expected, found })
}

/// The first of the given places below `data` where there is a file or a folder.
pub(super) fn locate(data: &Path, name: &'static str, places: &[&str]) -> Result<PathBuf> {
    let paths: Vec<PathBuf> = places.iter().map(|place| data.join(place)).collect();
    let found = paths.iter().find(|path| path.exists()).cloned();
    found.ok_or_else(|| Error::Missing { name, path: paths.into_iter().next().unwrap_or_default() })
}

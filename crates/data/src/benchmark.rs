//! The tabular benchmark of Papamakarios, Pavlakou and Murray (2017) beside POWER: GAS, HEPMASS, MINIBOONE, BSDS300.
//!
//! Each set reads its publisher's files and follows the published preprocessing; the steps that they share are in
//! [`steps`].

mod bsds300;
mod gas;
mod hepmass;
mod miniboone;
pub mod steps;
mod text;

use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};

pub use bsds300::Bsds300;
pub use gas::Gas;
pub use hepmass::Hepmass;
pub use miniboone::{Miniboone, ReducedMiniboone};

use crate::{Error, Result};

/// A set's three parts in the units in which its published log-likelihoods are, in single precision.
#[derive(Debug)]
pub struct Benchmark {
    /// Training rows `[N, D]`.
    pub train: Tensor,
    /// Validation rows `[N, D]`.
    pub validation: Tensor,
    /// Test rows `[N, D]`.
    pub test: Tensor,
}

/// How many rows each part has, and how many columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Training rows.
    pub train: i64,
    /// Validation rows.
    pub validation: i64,
    /// Test rows.
    pub test: i64,
    /// Columns.
    pub dim: i64,
}

impl std::fmt::Display for Sizes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} + {} + {} rows of {} columns", self.train, self.validation, self.test, self.dim)
    }
}

impl Benchmark {
    /// Single-precision parts from parts of any kind.
    fn new(train: &Tensor, validation: &Tensor, test: &Tensor) -> Self {
        let [train, validation, test] =
            [train, validation, test].map(|part| part.to_kind(Kind::Float).contiguous());
        Self { train, validation, test }
    }

    /// The parts' sizes.
    pub fn sizes(&self) -> Sizes {
        let rows = |part: &Tensor| part.size()[0];
        Sizes {
            train: rows(&self.train),
            validation: rows(&self.validation),
            test: rows(&self.test),
            dim: self.test.size()[1],
        }
    }

    /// Refuses parts of other sizes than the published ones: a cut file, or another one.
    fn checked(self, name: &'static str, path: &Path, expected: Sizes) -> Result<Self> {
        let found = self.sizes();
        if found == expected {
            return Ok(self);
        }
        Err(Error::Sizes { name, path: path.into(), expected, found })
    }
}

/// The first of the given places below `data` that is there.
fn locate(data: &Path, name: &'static str, places: &[&str]) -> Result<PathBuf> {
    let paths: Vec<PathBuf> = places.iter().map(|place| data.join(place)).collect();
    let found = paths.iter().find(|path| path.exists()).cloned();
    found.ok_or_else(|| Error::Missing { name, path: paths.into_iter().next().unwrap_or_default() })
}

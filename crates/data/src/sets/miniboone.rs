//! UCI "`MiniBooNE` particle identification", its signal.
//!
//! Rows whose first feature is below −100 are dropped, then features whose smallest value repeats; rows keep their
//! order; mean and deviation of training and validation rows standardise all.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::benchmark::{Benchmark, locate};
use super::steps::{self, Deviation};
use super::text::{Fields, Lines, split};
use crate::error::{Error, Result};
use crate::sizes::Sizes;
use crate::table::Table;
use crate::table_dataset::TableDataset;

const N_FEATURES: i64 = 50;

/// The first feature of a row that counts is at least this.
const OUTLIER: f64 = -100.0;

/// A feature whose smallest value occurs more often is dropped.
const REPEATS: i64 = 5;

/// The published file of MINIBOONE, or one of the same layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Miniboone {
    /// Whether the flow sees whitened rows, of mean 0 and covariance I. Results are for the rows before whitening.
    #[serde(default)]
    pub whiten: bool,
    /// The required sizes of the parts. Configs always have the published ones.
    #[serde(skip, default = "published_sizes")]
    pub sizes: Sizes,
}

impl Miniboone {
    /// The published file, not whitened.
    pub const PUBLISHED: Self =
        Self { whiten: false, sizes: Sizes { train: 29_556, validation: 3_284, test: 3_648, dim: 43 } };

    /// The card of the published files.
    pub(crate) const CARDS: &'static [&'static str] = &[include_str!("../../catalogue/miniboone.toml")];

    /// Reads the parts as [`Miniboone::parts`] and makes a data set of them.
    ///
    /// # Errors
    /// As [`Miniboone::parts`], and [`Error::Rows`] for rows that cannot be whitened.
    pub fn load(&self, data: &Path) -> Result<TableDataset> {
        let parts = self.parts(data)?;
        if self.whiten { parts.whitened() } else { parts.dataset() }
    }

    /// Reads `miniboone/MiniBooNE_PID.txt` or, with rows and features already dropped, `miniboone/data.npy` of the
    /// published archive, below the folder `data`.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Line`] naming a damaged line, [`Error::Sizes`] for a cut file.
    pub fn parts(&self, data: &Path) -> Result<Benchmark> {
        let path = locate(data, "miniboone", &["miniboone/MiniBooNE_PID.txt", "miniboone/data.npy"])?;
        let is_array = path.extension().is_some_and(|ending| ending == "npy");
        let rows = if is_array { Table::read(&path)?.values } else { cleaned(&signal(&path)?) };
        let (known, _) = steps::split_last_tenth(&rows);
        let [train, validation, test] =
            steps::split_in_three(&steps::standardise(&rows, &known, Deviation::OfPopulation));
        Benchmark::new(&train, &validation, &test).checked("miniboone", &path, self.sizes)
    }
}

fn published_sizes() -> Sizes {
    Miniboone::PUBLISHED.sizes
}

/// The rows of the signal, `[N, 50]`: the first line says how many rows of signal and of background follow.
fn signal(path: &Path) -> Result<Tensor> {
    let mut lines = Lines::open(path)?;
    let counts = lines.next_line()?.map(counts).transpose();
    let [n_signal, _] = counts.map_err(|problem| lines.error(problem))?.unwrap_or_default();
    let fields = Fields { n: N_FEATURES as usize, skipped: 0 };
    let mut values = Vec::new();
    for found in 0..n_signal {
        if !lines.next_numbers(fields, &mut values)? {
            return Err(Error::Incomplete {
                name: "miniboone",
                path: path.into(),
                expected: n_signal,
                found,
            });
        }
    }
    if n_signal == 0 {
        return Err(Error::Content {
            path: path.into(),
            problem: "the file has no rows of signal".to_owned(),
        });
    }
    Ok(Tensor::from_slice(&values).view([-1, N_FEATURES]))
}

fn counts(line: &str) -> std::result::Result<[usize; 2], String> {
    let refuse = || format!("expected the counts of signal and background, found: {line:?}");
    let numbers: Vec<usize> = split(line).filter_map(|field| field.parse().ok()).collect();
    <[usize; 2]>::try_from(numbers).ok().filter(|_| split(line).count() == 2).ok_or_else(refuse)
}

/// The rows and features that the benchmark keeps.
fn cleaned(rows: &Tensor) -> Tensor {
    let inside = rows.select(1, 0).ge(OUTLIER).nonzero().view(-1);
    let rows = rows.index_select(0, &inside);
    steps::columns(&rows, &steps::without_repeated_smallest(&rows, REPEATS))
}

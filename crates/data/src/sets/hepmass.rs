//! UCI HEPMASS, the signal of mass 1000.
//!
//! The published set is the signal of the first tenth of each file: 700 000 training and 350 000 test rows. Features
//! are standardised by the training file, those whose smallest value repeats are dropped, and the last tenth of the
//! training rows is for validation.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::benchmark::{Benchmark, locate};
use super::steps::{self, Deviation};
use super::text::{Lines, number};
use crate::error::{Error, Result};
use crate::sizes::Sizes;
use crate::table_dataset::TableDataset;

/// A feature whose smallest value occurs more often is dropped.
const REPEATS: i64 = 5;

/// The published files of HEPMASS, or some of the same layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hepmass {
    /// Whether the flow sees whitened rows, of mean 0 and covariance I. Results are for the rows before whitening.
    #[serde(default)]
    pub whiten: bool,
    /// How much of the files is read. Configs always have the published amounts.
    #[serde(skip, default = "published_extent")]
    pub extent: HepmassExtent,
}

/// How much of HEPMASS's files is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HepmassExtent {
    /// The largest number of rows read from the training file.
    pub n_train: usize,
    /// The largest number of rows read from the test file.
    pub n_test: usize,
    /// The required sizes of the parts.
    pub sizes: Sizes,
}

impl Hepmass {
    /// The published files, not whitened.
    pub const PUBLISHED: Self = Self {
        whiten: false,
        extent: HepmassExtent {
            n_train: 700_000,
            n_test: 350_000,
            sizes: Sizes { train: 315_123, validation: 35_013, test: 174_987, dim: 21 },
        },
    };

    /// The card of the published files.
    pub(crate) const CARDS: &'static [&'static str] = &[include_str!("../../catalogue/hepmass.toml")];

    /// Reads the parts as [`Hepmass::parts`] and makes a data set of them.
    ///
    /// # Errors
    /// As [`Hepmass::parts`], and [`Error::Rows`] for rows that cannot be whitened.
    pub fn load(&self, data: &Path) -> Result<TableDataset> {
        let parts = self.parts(data)?;
        if self.whiten { parts.whitened() } else { parts.dataset() }
    }

    /// Reads `hepmass/1000_train.csv` and `hepmass/1000_test.csv`, or the same with `.gz`, below the folder `data`.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Line`] naming a damaged line, [`Error::Sizes`] for a cut file.
    pub fn parts(&self, data: &Path) -> Result<Benchmark> {
        let place = |names: &[&str]| locate(data, "hepmass", names);
        let train_path = place(&["hepmass/1000_train.csv", "hepmass/1000_train.csv.gz"])?;
        let test_path = place(&["hepmass/1000_test.csv", "hepmass/1000_test.csv.gz"])?;
        let known = signal(&train_path, self.extent.n_train)?;
        // The test file has one column more at its end.
        let dim = known.size()[1];
        let test = signal(&test_path, self.extent.n_test)?;
        let excess = test.size()[1] - dim;
        if !(0..=1).contains(&excess) {
            let problem = format!("expected {dim} features and at most one more, found: {}", dim + excess);
            return Err(Error::Content { path: test_path, problem });
        }
        let test = steps::standardise(&test.narrow(1, 0, dim), &known, Deviation::OfSample);
        let known = steps::standardise(&known, &known, Deviation::OfSample);
        let kept = steps::without_repeated_smallest(&known, REPEATS);
        let (train, validation) = steps::split_last_tenth(&steps::columns(&known, &kept));
        let parts = Benchmark::new(&train, &validation, &steps::columns(&test, &kept));
        parts.checked("hepmass", &train_path, self.extent.sizes)
    }
}

fn published_extent() -> HepmassExtent {
    Hepmass::PUBLISHED.extent
}

/// The features of the signal, `[N, D]`, among the first `n` rows: the rows whose first number, the class, is 1.
fn signal(path: &Path, n: usize) -> Result<Tensor> {
    let mut lines = Lines::open(path)?;
    let width = lines.next_line()?.map_or(0, |header| header.split(',').count());
    let mut values: Vec<f64> = Vec::new();
    for _ in 0..n {
        let Some(line) = lines.next_line()? else { break };
        let row = signal_row(line, width, &mut values);
        row.map_err(|problem| lines.error(problem))?;
    }
    if values.is_empty() {
        return Err(Error::Content {
            path: path.into(),
            problem: "the file has no row of class 1".to_owned(),
        });
    }
    Ok(Tensor::from_slice(&values).view([-1, width as i64 - 1]))
}

/// Appends a row's features if it is of class 1.
fn signal_row(line: &str, width: usize, values: &mut Vec<f64>) -> std::result::Result<(), String> {
    let found = line.split(',').count();
    if found != width {
        return Err(format!("expected {width} numbers, found: {found}"));
    }
    let mut fields = line.split(',');
    let class = number(fields.next().unwrap_or_default())?;
    if (class - 1.0).abs() < f64::EPSILON {
        for field in fields {
            values.push(number(field)?);
        }
    }
    Ok(())
}

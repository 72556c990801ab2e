//! UCI "Gas sensor array under dynamic gas mixtures", the file of ethylene and CO.
//!
//! The published set is a random quarter of the file's rows in random order (852 174 + 94 685 + 105 206 of
//! 4 208 261 rows): without time and concentrations, without correlated sensors, standardised on all its rows.

use std::path::Path;

use interflow_core::rng::{Purpose, Stream};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::benchmark::{Benchmark, locate};
use super::steps::{self, Deviation};
use super::text::{Fields, Lines};
use crate::error::{Error, Result};
use crate::sizes::Sizes;
use crate::table_dataset::TableDataset;

/// Time, two concentrations, sixteen sensors.
const FIELDS: Fields = Fields { n: 19, skipped: 3 };
const N_SENSORS: i64 = 16;

/// Of sensors with a larger correlation, one is dropped.
const CORRELATION: f64 = 0.98;

/// The published draw's seed is unknown; ours is fixed, so that every run has the same test set.
const SEED: u64 = 42;

/// The published file of GAS, or one of the same layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gas {
    /// Whether the flow sees whitened rows, of mean 0 and covariance I. Results are for the rows before whitening.
    #[serde(default)]
    pub whiten: bool,
    /// The required sizes of the parts. Configs always have the published ones.
    #[serde(skip, default = "published_sizes")]
    pub sizes: Sizes,
}

impl Gas {
    /// The published file, not whitened.
    pub const PUBLISHED: Self =
        Self { whiten: false, sizes: Sizes { train: 852_174, validation: 94_685, test: 105_206, dim: 8 } };

    /// The card of the published files.
    pub(crate) const CARDS: &'static [&'static str] = &[include_str!("../../catalogue/gas.toml")];

    /// Reads the parts as [`Gas::parts`] and makes a data set of them.
    ///
    /// # Errors
    /// As [`Gas::parts`], and [`Error::Rows`] for rows that cannot be whitened.
    pub fn load(&self, data: &Path) -> Result<TableDataset> {
        let parts = self.parts(data)?;
        if self.whiten { parts.whitened() } else { parts.dataset() }
    }

    /// Reads `gas/ethylene_CO.txt`, or the same with `.gz`, below the folder `data`.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Line`] naming a damaged line, [`Error::Sizes`] for a cut file.
    pub fn parts(&self, data: &Path) -> Result<Benchmark> {
        let path = locate(data, "gas", &["gas/ethylene_CO.txt", "gas/ethylene_CO.txt.gz"])?;
        let quarter = quarter(&sensors(&path)?).to_kind(Kind::Double);
        if quarter.size()[0] < 2 {
            return Err(Error::Content { path, problem: "the file has no rows".to_owned() });
        }
        let rows = steps::columns(&quarter, &steps::without_correlated(&quarter, CORRELATION));
        let [train, validation, test] =
            steps::split_in_three(&steps::standardise(&rows, &rows, Deviation::OfSample));
        Benchmark::new(&train, &validation, &test).checked("gas", &path, self.sizes)
    }
}

fn published_sizes() -> Sizes {
    Gas::PUBLISHED.sizes
}

/// All rows' sensors `[N, 16]`.
fn sensors(path: &Path) -> Result<Tensor> {
    let mut lines = Lines::open(path)?;
    lines.next_line()?;
    let (mut row, mut values) = (Vec::new(), Vec::new());
    while lines.next_numbers(FIELDS, &mut row)? {
        values.extend(row.drain(..).map(|value| value as f32));
    }
    Ok(Tensor::from_slice(&values).view([-1, N_SENSORS]))
}

/// A random quarter of the rows in random order.
fn quarter(rows: &Tensor) -> Tensor {
    let n = rows.size()[0] as usize;
    let mut order = Stream::new(SEED, Purpose::Shuffle).at(0).permutation(n);
    order.truncate((n as f64 / 4.0).round() as usize);
    let order: Vec<i64> = order.into_iter().map(i64::from).collect();
    rows.index_select(0, &Tensor::from_slice(&order))
}

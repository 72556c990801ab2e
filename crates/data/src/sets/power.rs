//! UCI POWER, "Individual household electric power consumption", with the preprocessing of Papamakarios, Pavlakou
//! and Murray (2017).
//!
//! Complete rows only; the columns are global active power, voltage, three sub-meterings and the minute of the
//! day; rows are shuffled; noise of one quantum is added; the last 10 % are the test set, the last 10 % of the
//! rest the validation set; mean and deviation of training and validation rows standardise all.

mod cache;
mod fitted;
mod parse;

use std::path::{Path, PathBuf};

use interflow_core::rng::{Purpose, Stream};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::table::Marginals;
use crate::column::Column;
use crate::columns::Columns;
use crate::error::{Error, Result};
use crate::place_law::PlaceLaw;
use crate::rows::{Dequantisation, Rows};
use crate::table_dataset::TableDataset;

/// Columns of the benchmark.
const N_COLUMNS: usize = 6;

/// One quantum of each column: kW, V, three times Wh, minutes.
const QUANTUM: [f64; N_COLUMNS] = [0.001, 0.01, 1.0, 1.0, 1.0, 1.0];

/// The columns' names in the source; the last one is the time in minutes after midnight.
const NAMES: [&str; N_COLUMNS] =
    ["Global_active_power", "Voltage", "Sub_metering_1", "Sub_metering_2", "Sub_metering_3", "Minute"];

/// The published shuffle's seed is numpy's; ours is fixed, so that every run has the same test set.
const SHUFFLE_SEED: u64 = 42;

/// The published file of UCI POWER, or one of the same layout.
///
/// As in the published results, its densities are those of standardised rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Power {
    /// Whether a training row gets fresh dequantisation noise each time it is visited, instead of once when the set
    /// is loaded. Held-out rows get theirs once.
    pub fresh_noise: bool,
    /// The law of the dequantisation noise of the sub-meterings. The other columns, whose quanta are finer than a
    /// flow resolves, always have uniform noise, as all columns have in the benchmark. With another law the reported
    /// density is log ρ(x) minus the log-density of the noise, a bound on that of the same flow made flat within each
    /// quantum.
    #[serde(default, skip_serializing_if = "PlaceLaw::is_uniform")]
    pub dequantise: PlaceLaw,
    /// How the columns become coordinates of the flow. By fitted laws, those of the training rows on their quanta, every
    /// column is normal by itself. The reported density is that of the standardised rows either way.
    #[serde(default, skip_serializing_if = "Marginals::is_plain")]
    pub marginals: Marginals,
    /// The number of rows below the file's header, complete or not. A file with another number is refused. Configs
    /// always have the published number.
    #[serde(skip, default = "published_rows")]
    pub n_rows: usize,
}

impl Power {
    /// The file as it is published, with fresh noise at every visit.
    pub const PUBLISHED: Self = Self {
        fresh_noise: true,
        dequantise: PlaceLaw::Uniform {},
        marginals: Marginals::Plain,
        n_rows: 2_075_259,
    };

    /// The card of the published file.
    pub(crate) const CARDS: &'static [&'static str] = &[include_str!("../../catalogue/power.toml")];

    /// The path of the file below the folder `data`.
    pub fn file(data: &Path) -> PathBuf {
        data.join("power").join("household_power_consumption.txt")
    }

    /// Loads the data set from below the folder `data`. A binary cache beside the source makes later starts fast.
    ///
    /// # Errors
    /// [`Error::Place`] for a width out of range, [`Error::Rows`] for fitted laws with noise that is not uniform and fresh,
    /// [`Error::Missing`] if the file is not there, [`Error::Incomplete`] if it has too few or too many rows,
    /// [`Error::Line`] or [`Error::Content`] if it is damaged otherwise.
    pub fn load(&self, data: &Path) -> Result<TableDataset> {
        self.dequantise.check()?;
        if !self.marginals.is_plain() && (!self.fresh_noise || !self.dequantise.is_uniform()) {
            let problem = "fitted marginals need fresh_noise = true and uniform places".to_owned();
            return Err(Error::Rows { problem });
        }
        let path = Self::file(data);
        if !path.is_file() {
            return Err(Error::Missing { name: "power", path });
        }
        let values = if let Some(values) = cache::read(&path, self.n_rows) {
            values
        } else {
            let values = parse::file(&path, self.n_rows)?;
            cache::write(&path, self.n_rows, &values);
            values
        };
        self.split(&Tensor::from_slice(&values).view([-1, N_COLUMNS as i64]))
    }

    fn split(&self, rows: &Tensor) -> Result<TableDataset> {
        let n = rows.size()[0];
        let rows = rows.index_select(0, &order(n)).to_kind(Kind::Double);
        let laws = self.laws();
        let places =
            PlaceLaw::draw(&laws, &rows.size(), &mut Stream::new(SHUFFLE_SEED, Purpose::Dequantise).at(0));
        let quantum = Tensor::from_slice(&QUANTUM);
        let noisy = &rows + &places * &quantum;
        let n_test = n / 10;
        let n_validation = (n - n_test) / 10;
        let n_train = n - n_test - n_validation;
        let known = noisy.narrow(0, 0, n - n_test);
        let mean = known.mean_dim(0i64, false, Kind::Double);
        let deviation = known.std_dim(0i64, false, false);
        if !self.marginals.is_plain() {
            return fitted::dataset(&rows, &places, &deviation, [n_train, n_validation, n_test]);
        }
        let columns = columns(&mean, &deviation)?;
        let standardised = ((noisy - &mean) / &deviation).to_kind(Kind::Float);
        let part = |start, length| standardised.narrow(0, start, length).contiguous();
        let train = if self.fresh_noise {
            let rows = rows.narrow(0, 0, n_train).contiguous();
            Rows::dequantised(rows, Dequantisation { places: laws, quantum, mean, deviation })?
        } else {
            Rows::new(part(0, n_train))?
        };
        let (validation, test) = (part(n_train, n_validation), part(n - n_test, n_test));
        let log_places = self.dequantise.log_density(&places.narrow(0, n - n_test, n_test).narrow(1, 2, 3));
        Ok(TableDataset::new(train, Rows::new(validation)?, test.into())?
            .with_columns(columns)
            .with_log_jacobian(log_places.sum_dim_intlist(1i64, false, Kind::Double).neg()))
    }
}

impl Power {
    /// The laws of the places, column by column.
    fn laws(&self) -> Vec<PlaceLaw> {
        NAMES
            .iter()
            .map(|name| if name.starts_with("Sub") { self.dequantise } else { PlaceLaw::default() })
            .collect()
    }
}

fn published_rows() -> usize {
    Power::PUBLISHED.n_rows
}

/// The order of `n` rows in which they are split.
fn order(n: i64) -> Tensor {
    let order = Stream::new(SHUFFLE_SEED, Purpose::Shuffle).at(0).permutation(n as usize);
    Tensor::from_slice(&order.into_iter().map(i64::from).collect::<Vec<_>>())
}

/// The columns on the scale of `mean` and `deviation`, `[6]` each.
fn columns(mean: &Tensor, deviation: &Tensor) -> Result<Columns> {
    let column = |(d, (name, quantum)): (i64, (&str, f64))| {
        Column::affine(name, mean.double_value(&[d]), deviation.double_value(&[d]))
            .with_quantum(Some(quantum))
    };
    Columns::new((0..).zip(NAMES.into_iter().zip(QUANTUM)).map(column).collect())
}

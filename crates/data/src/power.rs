//! UCI POWER, "Individual household electric power consumption", with the preprocessing of Papamakarios, Pavlakou
//! and Murray (2017).
//!
//! Complete rows only; the columns are global active power, voltage, three sub-meterings and the minute of the
//! day; rows are shuffled; noise of one quantum is added; the last 10 % are the test set, the last 10 % of the
//! rest the validation set; mean and deviation of training and validation rows standardise all.

mod cache;
mod parse;

use std::path::{Path, PathBuf};

use interflow_core::rng::{Purpose, Stream};
use tch::{Kind, Tensor};

use crate::{Column, Columns, Dequantisation, Error, Result, Rows};

/// Columns of the benchmark.
pub const N_COLUMNS: usize = 6;

/// One quantum of each column: kW, V, three times Wh, minutes.
const QUANTUM: [f64; N_COLUMNS] = [0.001, 0.01, 1.0, 1.0, 1.0, 1.0];

/// The columns' names in the source; the last one is the time in minutes after midnight.
const NAMES: [&str; N_COLUMNS] =
    ["Global_active_power", "Voltage", "Sub_metering_1", "Sub_metering_2", "Sub_metering_3", "Minute"];

/// The published shuffle's seed is numpy's; ours is fixed, so that every run has the same test set.
const SHUFFLE_SEED: u64 = 42;

/// The published file of UCI POWER, or one of the same layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Power {
    /// Rows below the file's header, complete or not; a file of any other number of rows is refused.
    pub n_rows: usize,
}

/// When dequantisation noise is added to the training rows; held-out rows get theirs once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noise {
    /// When the data set is loaded.
    Once,
    /// Anew at every visit of a row.
    EveryVisit,
}

/// The mean and deviation that standardise a data set, `[D]` each.
#[derive(Debug)]
pub struct Standardisation {
    /// The mean.
    pub mean: Tensor,
    /// The deviation.
    pub deviation: Tensor,
}

impl Standardisation {
    /// POWER's columns on this scale.
    ///
    /// # Errors
    /// [`Error::Rows`] if it is not a scale of six columns.
    pub fn power_columns(&self) -> Result<Columns> {
        let numbers = |x: &Tensor| x.iter::<f64>().map_or_else(|_| Vec::new(), Iterator::collect);
        let scales = numbers(&self.mean).into_iter().zip(numbers(&self.deviation));
        let column = |((name, quantum), (mean, deviation)): ((&str, f64), _)| Column {
            name: name.to_owned(),
            mean,
            deviation,
            quantum: Some(quantum),
            given: false,
        };
        Columns::new(NAMES.into_iter().zip(QUANTUM).zip(scales).map(column).collect())
    }
}

/// A data set's parts, standardised, in single precision.
#[derive(Debug)]
pub struct Splits {
    /// Training rows.
    pub train: Rows,
    /// Validation rows `[N, D]`.
    pub validation: Tensor,
    /// Test rows `[N, D]`.
    pub test: Tensor,
    /// What standardised them.
    pub standardisation: Standardisation,
}

impl Power {
    /// The file as it is published.
    pub const PUBLISHED: Self = Self { n_rows: 2_075_259 };

    /// The file under the data folder.
    pub fn file(data: &Path) -> PathBuf {
        data.join("power").join("household_power_consumption.txt")
    }

    /// Loads the data set from under the folder `data`. A binary cache beside the source makes the second start
    /// fast.
    ///
    /// # Errors
    /// [`Error::Missing`] if the file is not there, [`Error::Incomplete`] if it has too few or too many rows,
    /// [`Error::Line`] or [`Error::Content`] if it is damaged otherwise.
    pub fn load(&self, data: &Path, noise: Noise) -> Result<Splits> {
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
        split(&Tensor::from_slice(&values).view([-1, N_COLUMNS as i64]), noise)
    }
}

fn split(rows: &Tensor, when: Noise) -> Result<Splits> {
    let n = rows.size()[0];
    let order: Vec<i64> = Stream::new(SHUFFLE_SEED, Purpose::Shuffle)
        .at(0)
        .permutation(n as usize)
        .into_iter()
        .map(i64::from)
        .collect();
    let rows = rows.index_select(0, &Tensor::from_slice(&order)).to_kind(Kind::Double);
    let noise = Stream::new(SHUFFLE_SEED, Purpose::Dequantise).at(0).uniform(&rows.size(), Kind::Float);
    let quantum = Tensor::from_slice(&QUANTUM);
    let noisy = &rows + noise.to_kind(Kind::Double) * &quantum;
    let n_test = n / 10;
    let n_validation = (n - n_test) / 10;
    let n_train = n - n_test - n_validation;
    let known = noisy.narrow(0, 0, n - n_test);
    let mean = known.mean_dim(0i64, false, Kind::Double);
    let deviation = known.std_dim(0i64, false, false);
    let standardised = ((noisy - &mean) / &deviation).to_kind(Kind::Float);
    let part = |start, length| standardised.narrow(0, start, length).contiguous();
    let train = match when {
        Noise::Once => Rows::new(part(0, n_train))?,
        Noise::EveryVisit => {
            let dequantisation =
                Dequantisation { quantum, mean: mean.shallow_clone(), deviation: deviation.shallow_clone() };
            Rows::dequantised(rows.narrow(0, 0, n_train).contiguous(), dequantisation)?
        }
    };
    Ok(Splits {
        train,
        validation: part(n_train, n_validation),
        test: part(n - n_test, n_test),
        standardisation: Standardisation { mean, deviation },
    })
}

//! A reduced MINIBOONE for those who have only its standardised validation and test parts and some training rows. It
//! is no benchmark, but its test rows are the published ones, and none of them is trained on.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::benchmark::{Benchmark, locate};
use super::steps;
use crate::error::{Error, Result};
use crate::table::Table;
use crate::table_dataset::TableDataset;

/// The published validation part of MINIBOONE and some training rows for training, and the published test part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReducedMiniboone {
    /// Whether the flow sees whitened rows, of mean 0 and covariance I. Results are for the rows before whitening.
    #[serde(default)]
    pub whiten: bool,
}

impl ReducedMiniboone {
    /// The card of the published files.
    pub(crate) const CARDS: &'static [&'static str] =
        &[include_str!("../../catalogue/miniboone-reduced.toml")];

    /// Reads the parts as [`ReducedMiniboone::parts`] and makes a data set of them.
    ///
    /// # Errors
    /// As [`ReducedMiniboone::parts`], and [`Error::Rows`] for rows that cannot be whitened.
    pub fn load(&self, data: &Path) -> Result<TableDataset> {
        let parts = self.parts(data)?;
        if self.whiten { parts.whitened() } else { parts.dataset() }
    }

    /// Reads `miniboone/miniboone_{val,train_head1523,test}.f32.npy` below the folder `data`. The last tenth of the
    /// first two, taken together, is for validation.
    ///
    /// # Errors
    /// [`Error::Missing`], or as [`Table::read`]; [`Error::Content`] for arrays of different widths.
    pub fn parts(&self, data: &Path) -> Result<Benchmark> {
        let [first, second, test] = ["val", "train_head1523", "test"].map(|part| {
            let path = locate(data, "miniboone-reduced", &[&format!("miniboone/miniboone_{part}.f32.npy")])?;
            Ok((Table::read(&path)?.values, path))
        });
        let ((first, _), (second, second_path), (test, test_path)) = (first?, second?, test?);
        for (rows, path) in [(&second, second_path), (&test, test_path)] {
            let (expected, found) = (first.size()[1], rows.size()[1]);
            if expected != found {
                return Err(Error::Content {
                    path,
                    problem: format!("expected {expected} columns, found: {found}"),
                });
            }
        }
        let known = Tensor::cat(&[first, second], 0).to_kind(Kind::Double);
        let (train, validation) = steps::split_last_tenth(&known);
        Ok(Benchmark::new(&train, &validation, &test))
    }
}

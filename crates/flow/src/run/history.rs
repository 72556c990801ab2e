//! The course of training as a few series, for figures.

use interflow_train::{Observer, SelfCheck, StepReport};

use super::folder::RunFolder;
use super::metrics;
use crate::error::Result;

/// The course of training as series of (step, value).
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct History {
    /// The loss of each reported step's batch.
    pub losses: Vec<(f64, f64)>,
    /// The objective on held-out points.
    pub held_out: Vec<(f64, f64)>,
    /// The transport cost `∫E|v̂_t(x_t)|² dt` on held-out points, for objectives from which it follows.
    pub costs: Vec<(f64, f64)>,
}

impl History {
    /// Reads the series that a run folder has recorded, up to and including step `last`.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if the file of metrics exists and cannot be read.
    pub fn read(folder: &RunFolder, last: u64) -> Result<Self> {
        let records = metrics::read(folder, last)?;
        let series = |key: &str| -> Vec<(f64, f64)> {
            records
                .iter()
                .filter_map(|record| Some((record["step"].as_f64()?, record[key].as_f64()?)))
                .collect()
        };
        Ok(Self {
            losses: series("loss"),
            held_out: series("objective"),
            costs: series("minus_square").into_iter().map(|(step, value)| (step, -value)).collect(),
        })
    }
}

impl Observer for History {
    fn on_step(&mut self, report: &StepReport) {
        self.losses.push((report.step as f64, report.loss));
    }

    fn on_validation(&mut self, check: &SelfCheck) {
        let step = check.step as f64;
        self.held_out.push((step, check.objective().mean));
        if let Some(balance) = check.balance() {
            self.costs.push((step, -balance.minus_square.mean));
        }
    }
}

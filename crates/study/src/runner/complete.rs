//! A run from its config to its report.

use anyhow::{Context as _, Result};
use interflow_data::Dataset;
use interflow_flow::{ExperimentConfig, RunFolder};
use interflow_train::Observer;

use super::measure::{measure, share};
use super::train::warn_interrupted;
use super::{Ended, Finished, Runner};
use crate::report;

/// What comes of a run.
pub(super) enum Attempt {
    /// It was trained, measured and written.
    Finished(Finished),
    /// Training was interrupted, with its state saved.
    Interrupted,
    /// It was another process's to measure and to write.
    Elsewhere,
}

impl Runner {
    /// Trains, evaluates, studies, draws and reports as `config` says, ignoring its variants. If several processes
    /// share the work, they train and evaluate together; process 0 does the other measurements and draws.
    ///
    /// # Errors
    /// As [`Runner::train`]; and if the flow was trained and saved, but cannot be evaluated or drawn.
    pub fn complete(&self, config: ExperimentConfig, observer: &mut dyn Observer) -> Result<Ended> {
        self.complete_with(config, None, observer)
    }

    /// As [`Runner::complete`], with the data of the config's target, if they were loaded before.
    ///
    /// # Errors
    /// As [`Runner::complete`].
    pub fn complete_with(
        &self,
        config: ExperimentConfig,
        loaded: Option<Box<dyn Dataset>>,
        observer: &mut dyn Observer,
    ) -> Result<Ended> {
        let (attempt, folder) = self.attempt(config, loaded, observer)?;
        Ok(match attempt {
            Attempt::Finished(finished) => Ended::Finished(finished),
            Attempt::Interrupted => {
                warn_interrupted(folder.as_ref());
                Ended::Interrupted
            }
            Attempt::Elsewhere => Ended::Elsewhere,
        })
    }

    /// As [`Runner::complete`], with the run's folder, and it is not yet said how an interrupted run goes on.
    pub(super) fn attempt(
        &self,
        config: ExperimentConfig,
        loaded: Option<Box<dyn Dataset>>,
        observer: &mut dyn Observer,
    ) -> Result<(Attempt, Option<RunFolder>)> {
        let trained = self.train_quietly(config, loaded, observer)?;
        if trained.is_interrupted() {
            return Ok((Attempt::Interrupted, trained.folder));
        }
        let Some(folder) = trained.folder.clone() else {
            share(self, &trained)?;
            return Ok((Attempt::Elsewhere, None));
        };
        let config = trained.config.clone();
        let findings = measure(self, trained).with_context(|| {
            format!(
                "the flow is trained and saved, but not evaluated\nhint: go on with --resume {}",
                folder.path().display()
            )
        })?;
        report::write(&folder, &config, &findings)?;
        let results = findings.results;
        Ok((Attempt::Finished(Finished { folder: folder.clone(), results }), Some(folder)))
    }
}

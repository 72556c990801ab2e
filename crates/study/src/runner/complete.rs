//! A run from its config to its report.

use anyhow::{Context as _, Result};
use interflow_flow::evaluation::Results;
use interflow_flow::{ExperimentConfig, RunFolder};
use interflow_train::Observer;
use serde_json::Value;

use super::measure::measure;
use super::train::{folder, warn_interrupted};
use super::{Finished, Runner};
use crate::report;

/// What comes of a run.
pub(super) enum Attempt {
    /// It was trained, measured and written.
    Finished(Finished),
    /// Training was interrupted, with its state saved in this folder.
    Interrupted(RunFolder),
}

impl Runner {
    /// Trains, evaluates, studies, draws and reports as `config` says, whose variants play no part. Nothing comes of it if
    /// training was interrupted: the run can be resumed.
    ///
    /// # Errors
    /// As [`Runner::train`]; and if the flow is trained and saved, but cannot be evaluated or drawn.
    pub fn complete(
        &self,
        config: ExperimentConfig,
        observer: &mut dyn Observer,
    ) -> Result<Option<Finished>> {
        match self.attempt(config, observer)? {
            Attempt::Finished(finished) => Ok(Some(finished)),
            Attempt::Interrupted(folder) => {
                warn_interrupted(&folder);
                Ok(None)
            }
        }
    }

    /// As [`Runner::complete`], and it is not yet said how an interrupted run goes on.
    pub(super) fn attempt(&self, config: ExperimentConfig, observer: &mut dyn Observer) -> Result<Attempt> {
        let trained = self.train_quietly(config, observer)?;
        if trained.is_interrupted() {
            return Ok(Attempt::Interrupted(folder(&trained)?.clone()));
        }
        let (folder, config) = (folder(&trained)?.clone(), trained.config.clone());
        let (results, sections) = measure(self, trained).with_context(|| {
            format!(
                "the flow is trained and saved, but not evaluated\nhint: go on with --resume {}",
                folder.path().display()
            )
        })?;
        write(&folder, &config, (&results, &sections))?;
        Ok(Attempt::Finished(Finished { folder, results }))
    }
}

/// Writes the report, and then the result: a folder with a result is complete.
pub(super) fn write(
    folder: &RunFolder,
    config: &ExperimentConfig,
    (results, sections): (&Results, &str),
) -> Result<()> {
    report::write(folder, config, results, sections)?;
    Ok(folder.write_json("result.json", &Value::Object(results.clone()))?)
}

//! Training, with the figures of its course.

use anyhow::{Context as _, Result};
use interflow_data::Dataset;
use interflow_flow::{Experiment, ExperimentConfig, RunFolder, Trained};
use interflow_train::Observer;

use super::Runner;
use crate::pictures::ProgressSheet;
use crate::report::{self, RunningReport};
use crate::study::StudyConfig;

impl Runner {
    /// Trains the flow of an experiment in a run folder, with checkpoints, metrics, the curves of training and, at each
    /// checkpoint, a report of how far it has come; for images also a sheet of samples. If the work is cancelled,
    /// training ends between two steps, saves its state and says so in the log.
    ///
    /// # Errors
    /// If the config or its study is refused, the data cannot be loaded, the run cannot be resumed, training fails, or the
    /// folder cannot be written.
    pub fn train(&self, config: ExperimentConfig, observer: &mut dyn Observer) -> Result<Trained> {
        let trained = self.train_quietly(config, None, observer)?;
        if trained.is_interrupted() {
            warn_interrupted(trained.folder.as_ref());
        }
        Ok(trained)
    }

    /// As [`Runner::train`], and it is not yet said how an interrupted run goes on.
    pub(super) fn train_quietly(
        &self,
        mut config: ExperimentConfig,
        loaded: Option<Box<dyn Dataset>>,
        observer: &mut dyn Observer,
    ) -> Result<Trained> {
        config.seed = self.seed.unwrap_or(config.seed);
        if let Some(study) = StudyConfig::of(&config)? {
            study.check(&config)?;
        }
        let experiment = Experiment::new(config).data(&self.data).out(&self.out).device(self.device);
        let experiment = experiment.work(self.work.clone()).observe(observer);
        let experiment = match loaded {
            Some(data) => experiment.loaded(data),
            None => experiment,
        };
        let experiment = match self.threads {
            Some(threads) => experiment.threads(threads),
            None => experiment,
        };
        let experiment = match &self.resume {
            Some(path) => experiment.resume(path),
            None => experiment,
        };
        let run = experiment.prepare()?;
        let mut sheet = ProgressSheet::of(&run, self.work.cancel())?;
        let run = match &mut sheet {
            Some(sheet) => {
                sheet.draw_missing(&run);
                run.observe(sheet)
            }
            None => run,
        };
        let mut report = RunningReport::of(&run);
        let run = match &mut report {
            Some(report) => run.observe(report),
            None => run,
        };
        let trained = run.train()?;
        if self.work.leads() {
            let Trained { config, history, outcome, .. } = &trained;
            report::unfinished(folder(&trained)?, config, history, outcome.steps)?;
        }
        Ok(trained)
    }
}

/// Says how an interrupted run with this folder goes on.
pub(super) fn warn_interrupted(folder: Option<&RunFolder>) {
    if let Some(folder) = folder {
        let path = folder.path().display();
        tracing::warn!("interrupted; the state is saved\nhint: go on with --resume {path}");
    }
}

/// The folder of a run that was written.
pub(super) fn folder(trained: &Trained) -> Result<&RunFolder> {
    trained.folder.as_ref().context("the run has no folder")
}

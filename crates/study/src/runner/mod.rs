//! Running experiments from their configs to their run folders.

mod checkpoint;
mod comparison;
mod complete;
mod measure;
mod train;

use std::path::PathBuf;

use anyhow::{Result, bail};
use interflow_flow::evaluation::Results;
use interflow_flow::{ExperimentConfig, RunFolder, Threads, Work};
use interflow_train::Observer;
use tch::Device;

use crate::config_text::ConfigText;
use crate::findings::Findings;
use crate::study::StudyConfig;
use crate::untrained::{self, Settings};

/// Where and how experiments are run.
#[derive(Debug, Clone)]
pub struct Runner {
    /// What shows the progress of work and can stop it.
    pub work: Work,
    /// The folder of the data sets.
    pub data: PathBuf,
    /// The folder below which run folders are made.
    pub out: PathBuf,
    /// The device; see [`interflow_flow::device::parse`].
    pub device: Device,
    /// The seed that replaces the config's.
    pub seed: Option<u64>,
    /// The number of threads of each tensor operation, whatever the config and the environment say.
    pub threads: Option<Threads>,
    /// The file of Inception's weights, for Fréchet distances of images, if the config names none.
    pub inception: Option<PathBuf>,
    /// The run folder to resume, or a checkpoint in one.
    pub resume: Option<PathBuf>,
}

/// On the CPU, with data sets in `data` and run folders below `runs`, as the config says.
impl Default for Runner {
    fn default() -> Self {
        Self {
            work: Work::default(),
            data: PathBuf::from("data"),
            out: PathBuf::from("runs"),
            device: Device::Cpu,
            seed: None,
            threads: None,
            inception: None,
            resume: None,
        }
    }
}

/// An experiment that was run to its end.
#[derive(Debug)]
pub struct Finished {
    /// The folder with the config, checkpoints, figures, report and result.
    pub folder: RunFolder,
    /// The numbers, as in `result.json`.
    pub results: Results,
}

/// How an experiment ended.
#[derive(Debug)]
pub enum Ended {
    /// It was run to its end, and this process has its folder and its numbers.
    Finished(Finished),
    /// Training was interrupted, and its state is saved: the run can be resumed.
    Interrupted,
    /// Several processes share the work ([`Work::shared_by`]), and process 0 has the folder and the numbers.
    Elsewhere,
}

impl Ended {
    /// The folder and the numbers, if the experiment was run to its end and this process has them.
    pub fn finished(self) -> Option<Finished> {
        match self {
            Self::Finished(finished) => Some(finished),
            Self::Interrupted | Self::Elsewhere => None,
        }
    }
}

impl Finished {
    /// What a study without a flow, or of several, leaves behind.
    fn of((folder, findings): (RunFolder, Findings)) -> Self {
        Self { folder, results: findings.results }
    }
}

impl Runner {
    /// Runs the experiment of any kind that a config's text describes: trains, evaluates, studies and draws a flow
    /// ([`Runner::complete`]); compares variants ([`Runner::compare`]); or runs a study without training
    /// ([`crate::untrained`]). `observer` watches all training.
    ///
    /// # Errors
    /// If the config is refused, or the run fails.
    pub fn experiment(&self, config: &ConfigText<'_>, observer: &mut dyn Observer) -> Result<Ended> {
        if untrained::is_untrained(config) && self.work.group().is_some() {
            bail!(
                "this study trains no flow, and there is nothing for several processes to share\nhint: take one process"
            );
        }
        if untrained::is_untrained(config) && self.resume.is_some() {
            bail!("this study trains no flow, and there is no run to resume\nhint: leave out --resume");
        }
        if let Some(found) = untrained::run(config, &self.settings())? {
            return Ok(Ended::Finished(Finished::of(found)));
        }
        let config = Self::read(config)?;
        if config.variants.is_empty() {
            self.complete(config, observer)
        } else {
            self.compare(&config, observer)
        }
    }

    /// Reads the experiment that a config's text describes, for a flow to be trained. Errors, also those of its
    /// study, name lines.
    ///
    /// # Errors
    /// If the config is refused.
    pub fn read(config: &ConfigText<'_>) -> Result<ExperimentConfig> {
        let study = StudyConfig::read(config)?;
        let experiment = ExperimentConfig::from_toml(config.text, config.place, config.overrides)?;
        if let Some(study) = study {
            study.check(&experiment)?;
        }
        Ok(experiment)
    }

    /// How an experiment without a flow to train is run.
    fn settings(&self) -> Settings {
        Settings { work: self.work.clone(), out: self.out.clone(), seed: self.seed, threads: self.threads }
    }
}

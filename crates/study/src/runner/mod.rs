//! Runs experiments from their configs to their folders.

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

/// How experiments are run.
#[derive(Clone)]
pub struct Runner {
    /// How work is shown and stopped.
    pub work: Work,
    /// The folder that holds the data sets.
    pub data: PathBuf,
    /// The folder below which run folders are made.
    pub out: PathBuf,
    /// The device, see [`interflow_flow::device::parse`].
    pub device: Device,
    /// Another seed than the config's.
    pub seed: Option<u64>,
    /// The threads of a tensor operation, whatever the config and the environment say.
    pub threads: Option<Threads>,
    /// The weights of Inception, for Fréchet distances of images, where the config names none.
    pub inception: Option<PathBuf>,
    /// The run folder, or the checkpoint in one, that the run goes on with.
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
    /// The folder with its config, checkpoints, figures, report and result.
    pub folder: RunFolder,
    /// Its numbers, as `result.json` has them.
    pub results: Results,
}

/// How the making of an experiment ended.
#[derive(Debug)]
pub enum Ended {
    /// The experiment was run to its end, and this process has its folder and its numbers.
    Finished(Finished),
    /// Training was interrupted, with its state saved: the run can be resumed.
    Interrupted,
    /// For another process to tell: of several that share the work ([`Work::shared_by`]) the process 0 has the folder and the
    /// numbers.
    Elsewhere,
}

impl Ended {
    /// The folder and the numbers, where the experiment was run to its end and they are this process's to tell.
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
    /// Runs the experiment that a config's text describes, of whatever kind: trains a flow, evaluates, studies and draws it
    /// ([`Runner::complete`]); compares variants ([`Runner::compare`]); or studies what needs no training
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

    /// The experiment with a flow to train that a config's text describes; what is wrong with it, or with its study, is said
    /// by line.
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

//! A run that is ready to train, and its training.

use std::collections::BTreeMap;

use interflow_train::{Observer, StopReason, Trainer};
use interflow_transport::restore_path;
use tch::Device;

use super::trained::Trained;
use super::watch::Watch;
use crate::base::Base;
use crate::checkpoint::{self, EXPERIMENT, MANIFEST, OUTSIDE};
use crate::config::ExperimentConfig;
use crate::engine::{Engine, Undescribed};
use crate::error::{During as _, Result};
use crate::manifest::FlowManifest;
use crate::run::{History, Recorder, RunFolder};
use crate::target::Target;
use crate::threads::Threads;
use crate::work::Work;

/// A run that is ready to train: its data are loaded, its network is built, its folder is made.
#[derive(Debug)]
pub struct Run<'a> {
    pub(super) config: ExperimentConfig,
    pub(super) manifest: FlowManifest,
    pub(super) folder: Option<RunFolder>,
    pub(super) base: Base,
    pub(super) target: Target,
    pub(super) trainer: Trainer,
    pub(super) outside: Vec<&'static str>,
    pub(super) undescribed: Undescribed,
    pub(super) device: Device,
    /// The threads of training.
    pub(super) threads: Threads,
    /// Those that were asked for beside the config.
    pub(super) explicit_threads: Option<Threads>,
    pub(super) work: Work,
    pub(super) observers: Vec<&'a mut dyn Observer>,
}

impl<'a> Run<'a> {
    /// The config of the experiment.
    pub fn config(&self) -> &ExperimentConfig {
        &self.config
    }

    /// The description of the flow that its checkpoints carry.
    pub fn manifest(&self) -> &FlowManifest {
        &self.manifest
    }

    /// The run's folder; `None` if nothing is written.
    pub fn folder(&self) -> Option<&RunFolder> {
        self.folder.as_ref()
    }

    /// The base, where the flow starts at t = 0.
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// The target, where the flow ends at t = 1.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What trains the network.
    pub fn trainer(&self) -> &Trainer {
        &self.trainer
    }

    /// The device it trains on.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The same run with one more observer of its training.
    #[must_use]
    pub fn observe<'b>(self, observer: &'b mut dyn Observer) -> Run<'b>
    where
        'a: 'b,
    {
        let mut observers: Vec<&'b mut dyn Observer> = Vec::new();
        for earlier in self.observers {
            observers.push(earlier);
        }
        observers.push(observer);
        Run { observers, ..self }
    }

    /// Trains to the end, or until the work is cancelled. Then the state is saved, and the outcome says that training
    /// was interrupted.
    ///
    /// # Errors
    /// If training diverges, an observer fails, or a checkpoint cannot be written.
    pub fn train(mut self) -> Result<Trained> {
        let from_step = self.trainer.step();
        let (history, recorder) = match &self.folder {
            None => (History::default(), None),
            Some(folder) => {
                let history = History::read(folder, from_step)?;
                (history, Some(Recorder::new(folder, self.texts()?, from_step)?))
            }
        };
        let seconds_before = recorder.as_ref().map_or(0.0, Recorder::seconds_before);
        let observers = std::mem::take(&mut self.observers);
        let mut watch = Watch { history, recorder, observers, cancel: self.work.cancel().clone() };
        let outcome = self.trainer.run(&mut watch);
        // Evaluation's batches are large whatever the network: all cores pay off, unless that is found out.
        let afterwards = match self.threads {
            Threads::Auto => Threads::Auto,
            Threads::Fixed(_) => Threads::resolve(self.explicit_threads, Threads::all()),
        };
        if outcome.is_err() {
            afterwards.set();
        }
        let mut outcome = match &self.folder {
            None => outcome?,
            Some(folder) => outcome.during(stopped(folder))?,
        };
        outcome.train_secs += seconds_before;
        if outcome.stop == StopReason::EarlyStop {
            tracing::info!(
                "training stopped at step {}: the held-out objective has not improved in {} checks (train.patience)",
                outcome.steps,
                self.config.train.patience.unwrap_or_default()
            );
        }
        // Who interrupts a run does not want to wait for a check.
        let check = match outcome.stop {
            StopReason::Interrupted => None,
            _ => Some(self.trainer.self_check(self.config.train.n_validation)?),
        };
        let engine = engine(self.manifest, &self.trainer, self.device)?.with_undescribed(self.undescribed);
        Ok(Trained {
            config: self.config,
            folder: self.folder,
            base: self.base,
            target: self.target,
            outcome,
            check,
            history: watch.history,
            engine: engine.with_work(self.work).with_threads(afterwards),
        })
    }

    /// The texts of the run's checkpoints.
    fn texts(&self) -> Result<BTreeMap<String, String>> {
        let mut texts = BTreeMap::from([
            (MANIFEST.to_owned(), self.manifest.to_toml()?),
            (EXPERIMENT.to_owned(), self.config.to_toml()?),
        ]);
        if !self.outside.is_empty() {
            texts.insert(OUTSIDE.to_owned(), self.outside.join(", "));
        }
        Ok(texts)
    }
}

/// The flow of the averaged weights.
fn engine(manifest: FlowManifest, trainer: &Trainer, device: Device) -> Result<Engine> {
    let network = trainer.ema_network().duplicate()?;
    let mut path = manifest.fresh_path(device)?;
    if let Some(path) = &mut path {
        restore_path(path.parameters_mut(), &trainer.state().companion)?;
    }
    Engine::new(manifest, network, path, trainer.step())
}

/// What to say of a run that failed.
fn stopped(folder: &RunFolder) -> String {
    let saved = checkpoint::find(folder.path()).is_ok();
    let hint = if saved {
        "\nhint: with the cause removed, go on with --resume "
    } else {
        ", nothing was saved in "
    };
    format!("training stopped{hint}{}", folder.path().display())
}

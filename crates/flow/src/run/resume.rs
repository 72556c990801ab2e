//! Resuming an interrupted run from its checkpoint, with a config that still says the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use interflow_train::{Checkpoint, ScheduleConfig, Trainer, checkpoints};
use serde_json::Value;

use super::folder::RunFolder;
use super::metrics;
use crate::checkpoint::{self, EXPERIMENT, MANIFEST};
use crate::config::{ExperimentConfig, leaves};
use crate::error::{During as _, Result, io_error, refuse};
use crate::manifest::FlowManifest;
use crate::threads::Threads;

/// Keys that may change: the run's length, and what has no influence on the mathematics (a reflow's pairs are in the run's
/// folder, wherever their flow is; threads change the order of sums, and so last digits).
const FREE: [&str; 3] = ["train.steps", "threads", "coupling.from"];

/// The place where a run is resumed: its folder, and the checkpoint to go on from.
#[derive(Debug)]
pub(crate) struct ResumePoint {
    folder: RunFolder,
    checkpoint: Checkpoint,
    /// The config that the run has followed so far.
    config: ExperimentConfig,
}

impl ResumePoint {
    /// The newest checkpoint of the run folder `path`, or the checkpoint file `path`.
    ///
    /// # Errors
    /// If there is no such run or checkpoint, if another process trains in the folder, or if the checkpoint does not
    /// carry the config of its experiment.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let folder = RunFolder::of(path)?;
        metrics::check_free(&folder)?;
        let checkpoint = Checkpoint::load(&checkpoint::find(path)?).during("cannot resume")?;
        let Some(text) = checkpoint.texts.get(EXPERIMENT) else {
            let reason = if checkpoint.texts.contains_key(MANIFEST) {
                "the checkpoint holds a flow alone"
            } else {
                "the checkpoint is of an earlier version, whose training went on otherwise"
            };
            return refuse(format!(
                "cannot resume, {reason}: {}\nhint: its flow can be used as it is; to train on, start a new run without --resume",
                path.display()
            ));
        };
        let config = ExperimentConfig::from_toml(text, "the checkpoint's config", &[])?;
        Ok(Self { folder, checkpoint, config })
    }

    /// The folder of the run.
    pub(crate) fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Refuses a config that differs from the run's own in a key that must not change, and a list `outside` of parts
    /// given by a program that differs from the one of the run's beginning. Warns if a new number of steps changes
    /// the learning rate of this step.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] naming the keys with both values, or the parts.
    pub(crate) fn check(&self, config: &ExperimentConfig, outside: &[&str]) -> Result<()> {
        let own = checkpoint::outside(&self.checkpoint);
        if own != outside {
            let listed = |parts: &[&str]| if parts.is_empty() { "none".to_owned() } else { parts.join(", ") };
            return refuse(format!(
                "cannot resume with other parts from outside the config than the run began with: {} then, {} now\n\
                 hint: give Experiment the same parts",
                listed(&own),
                listed(outside)
            ));
        }
        self.folder.check_same(&self.config, config)?;
        let (own, new) = (self.config.train.steps, config.train.steps);
        if let (Some(before), Some(now)) = (self.cosine_rate(&self.config), self.cosine_rate(config))
            && own != new
        {
            tracing::warn!(
                "train.steps changes from {own} to {new}, and the cosine schedule with it: at step {} the learning \
                 rate jumps from {before:.3e} to {now:.3e}, and the run is not the one that {new} steps from the \
                 start would have been",
                self.checkpoint.step,
            );
        }
        Ok(())
    }

    /// Refuses data with other columns, or columns on another scale, than those of the run.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] if a name or a scale differs.
    pub(crate) fn check_data(&self, found: &FlowManifest) -> Result<()> {
        checkpoint::manifest(&self.checkpoint)?.check_same_data(found).during("cannot resume")
    }

    /// Gives a trainer the run's state.
    ///
    /// # Errors
    /// If the state is not of the trainer's network.
    pub(crate) fn restore(&self, trainer: &mut Trainer) -> Result<()> {
        trainer.restore(&self.checkpoint).during(format!(
            "cannot resume, the state of step {} is not of the network that its config describes\n\
             hint: name another checkpoint of {} instead",
            self.checkpoint.step,
            self.folder.checkpoints().display()
        ))
    }

    /// Warns where tensor operations have, or may have, another number of threads than in a run that never stopped: they cut
    /// their sums otherwise.
    fn warn_of_threads(&self, threads: Threads) -> Result<()> {
        let chosen =
            metrics::read(&self.folder, self.checkpoint.step)?.iter().any(|line| line["threads"].is_u64());
        if chosen || threads == Threads::Auto {
            tracing::warn!(
                "the threads of this run's steps are chosen by what steps take: from here on its numbers may differ in their \
                 last digits from those of a run that never stopped (a number in place of auto would keep them)"
            );
            return Ok(());
        }
        let now = tch::get_num_threads();
        if let Some(before) = self.folder.threads().filter(|before| *before != i64::from(now)) {
            tracing::warn!(
                "the run began with {before} threads and goes on with {now}: from here on its numbers may differ in their \
                 last digits from those of a run that never stopped"
            );
        }
        Ok(())
    }

    /// Warns where products of matrices are computed otherwise than when the run began: they are rounded otherwise.
    fn warn_of_products(&self) {
        let (products, bf16) = (interflow_libtorch::products().name(), interflow_libtorch::has_bf16());
        let before = self.folder.environment().unwrap_or_default();
        for (key, now) in [("products", Value::from(products)), ("bf16", Value::from(bf16))] {
            if before.get(key).is_some_and(|before| *before != now) {
                tracing::warn!(
                    "the run began with {key} = {} and goes on with {now}: from here on its numbers may differ in their \
                     last digits from those of a run that never stopped",
                    before[key]
                );
            }
        }
    }

    /// Makes the run's folder that of a run which goes on from the checkpoint with `config`, some of whose parts may come
    /// from `outside` it, with these threads: what it has of later steps is set aside, and what killed processes left is removed.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if a file cannot be moved or written.
    pub(crate) fn take_over(
        &self,
        config: &ExperimentConfig,
        outside: &[&str],
        threads: Threads,
    ) -> Result<()> {
        self.warn_of_threads(threads)?;
        self.warn_of_products();
        self.folder.sweep();
        let newest = checkpoints::list(&self.folder.checkpoints())?.first().map_or(0, |(step, _)| *step);
        let goes_on = self.checkpoint.step < config.train.steps;
        if goes_on || newest > self.checkpoint.step {
            self.folder.supersede(self.checkpoint.step)?;
        }
        self.folder.write_config(config, outside)
    }

    /// The learning rate at the checkpoint's step, if a cosine schedule gives it.
    fn cosine_rate(&self, config: &ExperimentConfig) -> Option<f64> {
        let train = &config.train;
        matches!(train.schedule, ScheduleConfig::Cosine {}).then(|| {
            let factor = train.schedule.factor(self.checkpoint.step, train.steps, train.warmup_steps);
            train.optimizer.learning_rate * factor
        })
    }
}

/// The run folder that `path` is, or that the checkpoint `path` lies in.
fn root(path: &Path) -> Result<PathBuf> {
    if !path.is_file() {
        return Ok(path.to_owned());
    }
    let file = std::path::absolute(path).map_err(io_error("find the folder of", path))?;
    Ok(file.parent().and_then(Path::parent).unwrap_or(&file).to_owned())
}

impl RunFolder {
    /// The run folder `path`, or the one of the checkpoint file `path`.
    ///
    /// # Errors
    /// As [`RunFolder::open`].
    pub fn of(path: &Path) -> Result<Self> {
        Self::open(&root(path)?)
    }

    /// Refuses a config to resume with that differs from the run's `own` config in a key that must not change.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] naming the keys with both values.
    pub fn check_same(&self, own: &ExperimentConfig, config: &ExperimentConfig) -> Result<()> {
        let differences = differences(own, config)?;
        if differences.is_empty() {
            return Ok(());
        }
        refuse(format!(
            "cannot resume with another config, these keys differ from the checkpoint's\n  {}\n\
             hint: drop the change, or start a new run without --resume; only train.steps and threads may \
             change (the run's own config is {})",
            differences.join("\n  "),
            self.config_file().display()
        ))
    }
}

/// The keys that differ and may not, with both values.
fn differences(own: &ExperimentConfig, given: &ExperimentConfig) -> Result<Vec<String>> {
    let (own, given) = (leaves(own)?, leaves(given)?);
    let shown = |value: Option<&toml::Value>| value.map_or_else(|| "unset".to_owned(), ToString::to_string);
    let keys: BTreeSet<&String> = own.keys().chain(given.keys()).collect();
    Ok(keys
        .into_iter()
        .filter(|key| !FREE.contains(&key.as_str()) && own.get(*key) != given.get(*key))
        .map(|key| format!("{key}: {} in the checkpoint, now {}", shown(own.get(key)), shown(given.get(key))))
        .collect())
}

//! Going on with an interrupted run: its folder, its checkpoint, and a config that still says the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use interflow_train::{Checkpoint, ScheduleConfig};

use crate::config::ExperimentConfig;
use crate::flow::checkpoint_file;
use crate::run_folder::RunFolder;
use crate::units::Units;

/// Keys that may change: the run's length, what has no influence on the mathematics (a reflow's pairs are in the run's
/// folder, wherever their flow is), and what training fills in.
const FREE: [&str; 8] = [
    "train.steps",
    "threads",
    "coupling.from",
    "dim",
    "units.base",
    "units.target",
    "whitening.mean",
    "whitening.factor",
];

/// Where a run goes on.
pub(crate) struct ResumePoint {
    /// The run's folder.
    pub(crate) folder: RunFolder,
    /// Its state.
    pub(crate) checkpoint: Checkpoint,
}

impl ResumePoint {
    /// The newest checkpoint of a run folder, or the one that `path` names.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let root = if path.is_file() { path.parent().and_then(Path::parent) } else { None };
        let folder = RunFolder::open(root.unwrap_or(path))?;
        let checkpoint = Checkpoint::load(&checkpoint_file(path)?).context("cannot resume")?;
        Ok(Self { folder, checkpoint })
    }

    /// Refuses a config that differs from the run's own in a key that may not change, and warns where a new
    /// length has an effect on the steps before the old one.
    pub(crate) fn check(&self, config: &ExperimentConfig) -> Result<()> {
        let own = ExperimentConfig::from_checkpoint(&self.checkpoint.config_text)?;
        let differences = differences(&own, config)?;
        if !differences.is_empty() {
            bail!(
                "cannot resume with another config, these keys differ from the checkpoint's\n  {}\n\
                 hint: drop the change, or start a new run without --resume; only train.steps and threads may \
                 change (the run's own config is {})",
                differences.join("\n  "),
                self.folder.path.join("config.toml").display()
            );
        }
        if let (Some(before), Some(now)) = (self.cosine_rate(&own), self.cosine_rate(config))
            && own.train.steps != config.train.steps
        {
            tracing::warn!(
                "train.steps changes from {} to {}, and the cosine schedule with it: at step {} the learning \
                 rate jumps from {before:.3e} to {now:.3e}, and the run is not the one that {} steps from the \
                 start would have been",
                own.train.steps,
                config.train.steps,
                self.checkpoint.step,
                config.train.steps
            );
        }
        Ok(())
    }

    /// Refuses data with other columns, or on another scale, than the run's own.
    pub(crate) fn check_units(&self, units: &Units) -> Result<()> {
        let own = ExperimentConfig::from_checkpoint(&self.checkpoint.config_text)?;
        own.units.check_same(units).context("cannot resume")
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

/// What training fills in of a flow of images.
const SPACE: &str = "images.";

/// The keys that differ and may not, with both values.
fn differences(own: &ExperimentConfig, given: &ExperimentConfig) -> Result<Vec<String>> {
    let (own, given) = (leaves(own)?, leaves(given)?);
    let shown = |value: Option<&toml::Value>| value.map_or_else(|| "unset".to_owned(), ToString::to_string);
    let keys: BTreeSet<&String> = own.keys().chain(given.keys()).collect();
    Ok(keys
        .into_iter()
        .filter(|key| {
            !FREE.contains(&key.as_str()) && !key.starts_with(SPACE) && own.get(*key) != given.get(*key)
        })
        .map(|key| format!("{key}: {} in the checkpoint, now {}", shown(own.get(key)), shown(given.get(key))))
        .collect())
}

/// A config's values by dotted key.
fn leaves(config: &ExperimentConfig) -> Result<BTreeMap<String, toml::Value>> {
    let mut found = BTreeMap::new();
    collect("", toml::Table::try_from(config).context("cannot compare the configs")?, &mut found);
    Ok(found)
}

fn collect(prefix: &str, table: toml::Table, found: &mut BTreeMap<String, toml::Value>) {
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => collect(&format!("{prefix}{key}."), inner, found),
            value => {
                found.insert(format!("{prefix}{key}"), value);
            }
        }
    }
}

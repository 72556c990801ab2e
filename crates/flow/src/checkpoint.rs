//! Finding checkpoint files, and reading what they say of their flow.

use std::path::{Path, PathBuf};

use interflow_train::{Checkpoint, checkpoints};
use serde::Deserialize;

use crate::config::{BaseConfig, ExperimentConfig, TargetConfig};
use crate::error::{Error, Result};
use crate::legacy;
use crate::manifest::FlowManifest;

/// The key of a checkpoint's text that holds its [`FlowManifest`] as TOML.
pub const MANIFEST: &str = "manifest";
/// The key of a checkpoint's text that holds the [`crate::ExperimentConfig`] it comes from, as TOML.
pub const EXPERIMENT: &str = "experiment";
/// The key of a checkpoint's text that lists which parts of its experiment were given by a program instead of the
/// config.
pub const OUTSIDE: &str = "outside";

/// The path of the newest checkpoint of the run folder `path`; or `path` itself, if it is a file.
///
/// # Errors
/// [`Error::NoCheckpoint`] if there is none.
pub fn find(path: &Path) -> Result<PathBuf> {
    if path.is_file() {
        return Ok(path.to_owned());
    }
    for folder in [path.join("checkpoints"), path.to_owned()] {
        if let Some((_, newest)) = checkpoints::list(&folder)?.into_iter().next() {
            return Ok(newest);
        }
    }
    Err(Error::NoCheckpoint { path: path.to_owned() })
}

/// The paths of the last `n` checkpoints of a run folder, the newest first.
///
/// # Errors
/// [`Error::Refused`] if there are fewer, or if `path` is a file.
pub fn last(path: &Path, n: usize) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Err(Error::refused(format!(
            "the last {n} checkpoints are those of a run folder, found a file: {}",
            path.display()
        )));
    }
    let own = path.join("checkpoints");
    let found = checkpoints::list(if own.is_dir() { &own } else { path })?;
    if found.len() < n {
        return Err(Error::refused(format!(
            "{} has {} checkpoints, of which the last {n} were asked for\n\
             hint: a run keeps the last three that it wrote, one every `train.checkpoint_every` steps",
            path.display(),
            found.len()
        )));
    }
    Ok(found.into_iter().take(n).map(|(_, file)| file).collect())
}

/// The manifest that a checkpoint carries. For checkpoints of versions without manifests it is derived from their
/// config.
///
/// # Errors
/// [`Error::Config`] naming what is wrong, [`Error::Refused`] for a checkpoint that this version cannot use.
pub fn manifest(checkpoint: &Checkpoint) -> Result<FlowManifest> {
    match (checkpoint.texts.get(MANIFEST), checkpoint.texts.get(legacy::CONFIG)) {
        (Some(text), _) => FlowManifest::from_toml(text),
        (None, Some(text)) => legacy::manifest(text),
        (None, None) => Err(Error::refused(
            "the checkpoint says nothing of its flow\nhint: it was written by another program than interflow",
        )),
    }
}

/// The parts of a checkpoint's experiment, such as `target`, that a program gave ([`crate::Experiment::target`]).
/// What the config says of these parts was not used.
pub fn outside(checkpoint: &Checkpoint) -> Vec<&str> {
    let list = checkpoint.texts.get(OUTSIDE).map_or("", String::as_str);
    list.split(", ").filter(|part| !part.is_empty()).collect()
}

/// The config of the experiment that a checkpoint comes from. It names the data against which the flow is evaluated.
///
/// # Errors
/// [`Error::Config`] naming what is wrong; [`Error::Refused`] for a checkpoint without a config, or one whose data
/// were given by a program.
pub fn experiment(checkpoint: &Checkpoint) -> Result<ExperimentConfig> {
    experiment_with(checkpoint, &[])
}

/// The same with overrides of single keys, `key.path=value`.
///
/// # Errors
/// As [`experiment`], naming a key that is none.
pub fn experiment_with(checkpoint: &Checkpoint, overrides: &[String]) -> Result<ExperimentConfig> {
    if let Some(end) = outside(checkpoint).into_iter().find(|part| ["base", "target"].contains(part)) {
        return Err(Error::refused(format!(
            "the {end} of this run came from a program and not from its config, which names no data to hold the flow \
             against\nhint: evaluate it in that program, by Trained::evaluate"
        )));
    }
    match (checkpoint.texts.get(EXPERIMENT), checkpoint.texts.get(legacy::CONFIG)) {
        (Some(text), _) => ExperimentConfig::from_toml(text, "the checkpoint's experiment", overrides),
        (None, Some(_)) if !overrides.is_empty() => {
            Err(Error::refused("the keys of a checkpoint as old as this one cannot be overridden"))
        }
        (None, Some(text)) => legacy::experiment(text),
        (None, None) => Err(Error::refused(
            "the checkpoint does not say which experiment it comes from, and so which data it is held against\n\
             hint: take a checkpoint that a run wrote",
        )),
    }
}

/// The ends of a checkpoint's flow, as the config that it was trained by names them.
#[derive(Deserialize)]
pub(crate) struct Ends {
    /// Where the flow starts.
    pub(crate) base: BaseConfig,
    /// Where the flow ends.
    pub(crate) target: TargetConfig,
}

impl Ends {
    /// The ends that a checkpoint of any version names, none where its config is not one of this program.
    pub(crate) fn of(checkpoint: &Checkpoint) -> Option<Self> {
        let texts = &checkpoint.texts;
        let text = texts.get(EXPERIMENT).or_else(|| texts.get(legacy::CONFIG))?;
        toml::from_str(text).ok()
    }
}

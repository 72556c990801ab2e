//! Checkpoints: the whole file, and the manifest of one whose checksum is right.

use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context as _, Result, anyhow};
use interflow_core::target::DensityConfig;
use interflow_flow::checkpoint::{self, MANIFEST};
use interflow_flow::{Experiment, ExperimentConfig, Flow, FlowManifest, Threads};
use interflow_train::Checkpoint;
use tch::Device;

use super::put;
use crate::reader::Reader;

/// A checkpoint's file.
pub(crate) const FILE: Reader = Reader { name: "checkpoint", whole: || Ok(vec![file()?.to_vec()]), read };

/// A checkpoint's manifest, beside weights that are whole.
pub(crate) const TEXT: Reader = Reader { name: "manifest", whole: manifests, read: restore };

/// The checkpoint of a tiny flow.
fn file() -> Result<&'static [u8]> {
    static FILE: LazyLock<Result<Vec<u8>>> = LazyLock::new(train);
    FILE.as_deref().map_err(|error| anyhow!("{error:#}"))
}

fn train() -> Result<Vec<u8>> {
    let mut config = ExperimentConfig::synthetic("moons", DensityConfig::TwoMoons {}).with(&[
        "model.hidden=[8]".to_owned(),
        "train.steps=2".to_owned(),
        "train.batch=16".to_owned(),
        "train.n_validation=100".to_owned(),
    ])?;
    config.threads = Threads::Fixed(1);
    let folder = tempfile::tempdir()?;
    let trained = Experiment::new(config).threads(1).out(folder.path()).train()?;
    let run = trained.folder.context("the run has no folder")?;
    Ok(std::fs::read(checkpoint::find(run.path())?)?)
}

fn load(input: &[u8], folder: &Path) -> Result<Checkpoint> {
    Ok(Checkpoint::load(&put(folder, "flow.safetensors", input)?)?)
}

fn read(input: &[u8], folder: &Path) -> Result<()> {
    let checkpoint = load(input, folder)?;
    checkpoint::experiment(&checkpoint)?;
    Flow::restore(checkpoint::manifest(&checkpoint)?, &checkpoint, Device::Cpu)?;
    Ok(())
}

fn manifests() -> Result<Vec<Vec<u8>>> {
    let folder = tempfile::tempdir()?;
    let checkpoint = load(file()?, folder.path())?;
    let text = checkpoint.texts.get(MANIFEST).context("the checkpoint has no manifest")?;
    Ok(vec![text.clone().into_bytes()])
}

fn restore(input: &[u8], folder: &Path) -> Result<()> {
    let manifest = FlowManifest::from_toml(std::str::from_utf8(input)?)?;
    Flow::restore(manifest, &load(file()?, folder)?, Device::Cpu)?;
    Ok(())
}

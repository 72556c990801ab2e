//! How an experiment without a flow to train is run.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use interflow_flow::{RunFolder, Threads, Work};
use serde::Serialize;
use tch::Device;

use crate::findings::Findings;
use crate::report;

/// How an experiment without a flow to train is run; always on the CPU.
#[derive(Clone)]
pub struct Settings {
    /// How its work is shown and stopped.
    pub work: Work,
    /// The folder below which its run's folder is made.
    pub out: PathBuf,
    /// Another seed than the config's.
    pub seed: Option<u64>,
    /// Other threads of a tensor operation than the config's; all cores for `auto`, since no equal steps are timed here.
    pub threads: Option<Threads>,
}

/// What such an experiment's config says of the run.
pub(super) struct Head<'a> {
    /// The experiment's name; run folders lie under it.
    pub(super) name: &'a str,
    /// The seed of all draws.
    pub(super) seed: u64,
    /// CPU threads of a tensor operation.
    pub(super) threads: u32,
}

impl Settings {
    /// Begins the run of an experiment: sets the threads and makes its folder with the config.
    pub(super) fn begin(&self, head: &Head<'_>, config: &impl Serialize) -> Result<RunFolder> {
        Threads::resolve(self.threads, Threads::Fixed(head.threads)).set();
        let text = toml::to_string_pretty(config).context("cannot write the resolved config")?;
        Ok(RunFolder::create_with(&self.out, (head.name, head.seed), &text, Device::Cpu)?)
    }
}

impl Head<'_> {
    /// Writes the report and the result.
    pub(super) fn end(&self, folder: &RunFolder, findings: &Findings) -> Result<()> {
        report::conclude(folder, self.name, findings)
    }
}

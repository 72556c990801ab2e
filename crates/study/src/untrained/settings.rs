//! Where and how an experiment without a flow to train is run.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use interflow_flow::{RunFolder, Threads, Work};
use serde::Serialize;
use tch::Device;

use crate::findings::Findings;
use crate::report;

/// Where and how an experiment without a flow to train is run. It is always on the CPU.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What shows the progress of its work and can stop it.
    pub work: Work,
    /// The folder below which its run folder is made.
    pub out: PathBuf,
    /// The seed that replaces the config's.
    pub seed: Option<u64>,
    /// The number of threads that replaces the config's. `auto` means all cores, because there are no equal steps to
    /// measure.
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
        Ok(RunFolder::create_named(&self.out, head.name, head.seed, &text, Device::Cpu)?)
    }
}

impl Head<'_> {
    /// Writes the report and the result.
    pub(super) fn end(&self, folder: &RunFolder, findings: &Findings) -> Result<()> {
        report::conclude(folder, self.name, findings)
    }
}

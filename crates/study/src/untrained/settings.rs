//! How an experiment without a flow to train is run.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use interflow_flow::{RunFolder, Threads, Work};
use serde::Serialize;
use serde_json::Value;
use tch::Device;

use crate::findings::Findings;

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
    /// Writes the report, and then the result: a folder with a result is complete.
    pub(super) fn end(&self, folder: &RunFolder, findings: &Findings) -> Result<()> {
        folder.write("report.md", format!("# {}\n{}", self.name, findings.text).as_bytes())?;
        Ok(folder.write_json("result.json", &Value::Object(findings.results.clone()))?)
    }
}

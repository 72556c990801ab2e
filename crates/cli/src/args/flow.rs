//! Arguments of what uses a trained flow.

use std::path::PathBuf;

use clap::Args;

use super::machine::MachineArgs;

/// How a trained flow is used.
#[derive(Debug, Clone, Args)]
pub(crate) struct FlowArgs {
    /// A checkpoint, or a run folder whose newest checkpoint is meant.
    pub(crate) checkpoint: PathBuf,
    /// The folder that holds the data sets.
    #[arg(long, env = "INTERFLOW_DATA", default_value = "data")]
    pub(crate) data: PathBuf,
    /// What it is computed on.
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// The seed of what is drawn: base points, probes of estimated traces, the noise that dequantises images, and by
    /// `evaluate` the test points of a target that is a density. Without it 0 for samples, and else the run's own.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// On an NVIDIA GPU, let single-precision products be in TF32: faster, but the solver then meets errors of 1 in 2000.
    #[arg(long)]
    pub(crate) tf32: bool,
    /// One JSON object on stdout that says what was done.
    #[arg(long)]
    pub(crate) json: bool,
}

impl FlowArgs {
    /// The seed of samples.
    pub(crate) fn seed_of_samples(&self) -> u64 {
        self.seed.unwrap_or(0)
    }
}

//! Arguments of what takes the mean of several densities.

use std::path::PathBuf;

use clap::Args;

/// Which flows' densities are averaged with the flow's.
#[derive(Debug, Args)]
pub(crate) struct EnsembleArgs {
    /// Average the density with that of this flow, a checkpoint or a run folder; may be repeated.
    #[arg(long = "with", value_name = "CHECKPOINT")]
    pub(crate) others: Vec<PathBuf>,
    /// Average the densities of the run's last N checkpoints.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) last: Option<u32>,
}

impl EnsembleArgs {
    /// Whether there is one flow alone.
    pub(crate) fn is_alone(&self) -> bool {
        self.others.is_empty() && self.last.is_none_or(|n| n == 1)
    }
}

//! Arguments of all that computes.

use std::str::FromStr as _;

use clap::Args;
use interflow_flow::Threads;

/// What the work is computed on.
#[derive(Debug, Clone, Args)]
pub(crate) struct MachineArgs {
    /// cpu, cuda or cuda:N.
    #[arg(long, default_value = "cpu")]
    pub(crate) device: String,
    /// CPU threads of a tensor operation, instead of the config's: a number, with which equal runs have equal bits, or auto,
    /// as many as are fastest at the time.
    #[arg(long, value_name = "N|auto", value_parser = Threads::from_str)]
    pub(crate) threads: Option<Threads>,
}

//! Arguments of what flows of images are for.

use std::path::PathBuf;

use clap::Args;

use super::FlowArgs;

/// Arguments of `fid`.
#[derive(Debug, Args)]
pub(crate) struct FidArgs {
    /// The flow.
    #[command(flatten)]
    pub(crate) flow: FlowArgs,
    /// Inception's weights: those that pytorch-fid publishes, as a safetensors file.
    #[arg(long, env = "INTERFLOW_INCEPTION", value_name = "FILE")]
    pub(crate) weights: PathBuf,
    /// The reference's statistics, an .npz file with mu and sigma or a safetensors file, instead of those of the
    /// training images.
    #[arg(long, value_name = "FILE")]
    pub(crate) statistics: Option<PathBuf>,
    /// How many samples are compared.
    #[arg(short, long, default_value_t = 50_000, value_parser = clap::value_parser!(i64).range(2..=1_000_000_000))]
    pub(crate) n: i64,
}

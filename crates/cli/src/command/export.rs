//! `export`: a flow for other programs.

use std::process::ExitCode;

use anyhow::Result;
use interflow_flow::Flow;

use crate::args::ExportArgs;
use crate::output::print_line;

/// Writes the velocity of a flow as a module of PyTorch.
pub(crate) fn export(args: &ExportArgs) -> Result<ExitCode> {
    Flow::load(&args.checkpoint)?.export_torch(&args.torch)?;
    print_line(args.torch.display())?;
    Ok(ExitCode::SUCCESS)
}

//! `inspect`: what a checkpoint is.

use std::process::ExitCode;

use anyhow::Result;
use interflow_flow::checkpoint;
use interflow_train::Checkpoint;
use serde_json::{Value, json};

use crate::args::InspectArgs;
use crate::output::print_line;

/// Describes a checkpoint.
pub(crate) fn inspect(args: &InspectArgs) -> Result<ExitCode> {
    let file = checkpoint::find(&args.checkpoint)?;
    let checkpoint = Checkpoint::load(&file)?;
    let n_weights: usize = checkpoint.network_weights().iter().map(|(_, weight)| weight.numel()).sum();
    if args.json {
        let weights: Vec<Value> = checkpoint
            .network_weights()
            .iter()
            .map(|(name, weight)| json!({ "name": name, "shape": weight.size() }))
            .collect();
        return print_line(json!({
            "file": file.display().to_string(),
            "step": checkpoint.step,
            "seed": checkpoint.seed,
            "n_weights": n_weights,
            "weights": weights,
            "texts": checkpoint.texts,
        }))
        .map(|()| ExitCode::SUCCESS);
    }
    print_line(format_args!("file    {}", file.display()))?;
    print_line(format_args!("step    {}", checkpoint.step))?;
    print_line(format_args!("seed    {}", checkpoint.seed))?;
    print_line(format_args!("weights {n_weights}"))?;
    for (name, text) in &checkpoint.texts {
        print_line(format_args!("\n# {name}\n{}", text.trim_end()))?;
    }
    Ok(ExitCode::SUCCESS)
}

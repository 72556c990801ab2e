//! Pairs of a flow that was trained before, made once and kept in the run's folder.

use std::path::Path;

use anyhow::{Context, Result, bail};
use interflow_train::Checkpoint;
use interflow_transport::{CouplingConfig, PairedFlow, Pairs};
use tch::Device;

use crate::config::ExperimentConfig;
use crate::end::End;
use crate::flow::{Flow, checkpoint_file};
use crate::observer::progress_bar;
use crate::run_folder::RunFolder;

/// Pairs that are made together.
const BATCH: i64 = 4096;

/// The run's folder, if it exists by then, and its pairs, if its coupling is a reflow: those that the folder holds, or
/// new ones, for which a folder is made once it is sure that there are any.
pub(crate) fn pairs(
    config: &ExperimentConfig,
    (folder, new_folder): (Option<RunFolder>, impl FnOnce() -> Result<RunFolder>),
    ends: (&End, &End),
    device: Device,
) -> Result<(Option<RunFolder>, Option<Pairs>)> {
    let CouplingConfig::Reflow { from, n_pairs } = &config.coupling else { return Ok((folder, None)) };
    let dim = ends.1.dim();
    let file = |folder: &RunFolder| folder.path.join("pairs.npy");
    if let Some(kept) = folder.as_ref().map(file).filter(|file| file.is_file()) {
        return Ok((folder, Some(Pairs::read(&kept, dim)?)));
    }
    let flow = open(from, config, device)?;
    let folder = folder.map_or_else(new_folder, Ok)?;
    write(&flow, &file(&folder), ends, *n_pairs)?;
    let pairs = Pairs::read(&file(&folder), dim)?;
    Ok((Some(folder), Some(pairs)))
}

/// The flow of a checkpoint or run folder, which must be one between the same ends.
fn open(from: &Path, config: &ExperimentConfig, device: Device) -> Result<Flow> {
    let checkpoint = Checkpoint::load(&checkpoint_file(from).context("in [coupling] from")?)?;
    let own = ExperimentConfig::from_checkpoint(&checkpoint.config_text)?;
    if own.base != config.base || own.target != config.target {
        bail!("reflow wants a flow between the same base and target, unlike that of {}", from.display());
    }
    Flow::restore(own, &checkpoint, device)
}

/// Writes the flow's pairs into a file.
fn write(flow: &Flow, path: &Path, (base, target): (&End, &End), n_pairs: i64) -> Result<()> {
    let (base, from) = (base.training(), target.training());
    let pairs = PairedFlow {
        velocity: &flow.velocity,
        place: (flow.config.precision.kind(), flow.device),
        solver: &flow.solver,
        base: &*base,
        target: &*from,
        n_given: target.n_given(),
        seed: flow.config.seed,
    };
    let bar = progress_bar(n_pairs as u64, "pairs");
    pairs.write_pairs(path, n_pairs, BATCH, |n| bar.inc(n))?;
    bar.finish_and_clear();
    Ok(())
}

//! The flow that the arguments name, and the account of what was done with it.

use std::path::Path;

use anyhow::{Context, Result};
use interflow_flow::{Ensemble, Flow, Threads, Work, checkpoint, device};
use interflow_train::Checkpoint;
use serde_json::Value;
use tch::Device;

use crate::args::{EnsembleArgs, FlowArgs};
use crate::output::print_line;
use crate::terminal;

/// The flow that the arguments name, on its device.
pub(super) fn open(args: &FlowArgs, work: &Work) -> Result<Flow> {
    Ok(open_with_checkpoint(args, work)?.0)
}

/// The same and the checkpoint that it was read from.
pub(super) fn open_with_checkpoint(args: &FlowArgs, work: &Work) -> Result<(Flow, Checkpoint)> {
    let device = own_device(&args.machine.device, work)?;
    let file = checkpoint::find(&args.checkpoint)?;
    let checkpoint = Checkpoint::load(&file)?;
    let flow = restore(args, &checkpoint, device)
        .with_context(|| format!("cannot use the checkpoint: {}", file.display()))?;
    Ok((flow.with_work(work.clone()), checkpoint))
}

/// The flows that the arguments name, whose densities are averaged.
pub(super) fn open_together(args: &FlowArgs, beside: &EnsembleArgs, work: &Work) -> Result<Ensemble> {
    let mut files = vec![checkpoint::find(&args.checkpoint)?];
    // The last checkpoint of a run is the run's, and that of a file the file.
    if let Some(n) = beside.last.filter(|n| *n > 1) {
        files = checkpoint::last(&args.checkpoint, n as usize)?;
    }
    for other in &beside.others {
        files.push(checkpoint::find(other)?);
    }
    let mut flows = Vec::new();
    for file in files {
        let args = FlowArgs { checkpoint: file, ..args.clone() };
        flows.push(open(&args, work)?);
    }
    Ok(Ensemble::new(flows)?)
}

/// The device of this name; of `cuda` each process of a machine has one of its own.
pub(super) fn own_device(name: &str, work: &Work) -> Result<Device> {
    let own = match work.group() {
        Some(group) if name == "cuda" => format!("cuda:{}", group.place().local_rank),
        _ => name.to_owned(),
    };
    Ok(device::parse(&own)?)
}

fn restore(args: &FlowArgs, checkpoint: &Checkpoint, device: Device) -> Result<Flow> {
    let manifest = checkpoint::manifest(checkpoint)?;
    let configured = match manifest.threads {
        Threads::Auto => Threads::Auto,
        Threads::Fixed(n) => Threads::Fixed(n.max(2)),
    };
    let threads = Threads::resolve(args.machine.threads, configured);
    threads.set();
    let flow = Flow::restore(manifest, checkpoint, device)?.with_threads(threads).with_tf32(args.tf32);
    Ok(match args.seed {
        Some(seed) => flow.with_seed(seed),
        None => flow,
    })
}

/// The machine-readable account of what was done; on stderr where stdout holds the data itself.
pub(super) fn say(args: &FlowArgs, account: &Value) -> Result<()> {
    match (args.json, account["out"] == "-") {
        (false, _) => {}
        (true, true) => terminal::say(account),
        (true, false) => print_line(account)?,
    }
    Ok(())
}

/// Half the width of a window that shows the flow's samples.
pub(super) fn extent(flow: &Flow) -> f64 {
    flow.manifest().target.extent.unwrap_or(4.0)
}

/// Whether an output's name has an ending, and so is no folder.
pub(super) fn has_ending(name: &str) -> bool {
    Path::new(name).extension().is_some()
}

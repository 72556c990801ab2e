//! Pairs of a flow that was trained before, made once and kept in the run's folder.

use std::path::{Path, PathBuf};

use interflow_libtorch::ProcessGroup;
use interflow_train::Checkpoint;
use interflow_transport::{CouplingConfig, PairedFlow, Pairs};
use tch::Device;

use crate::base::Base;
use crate::checkpoint::{self, Ends};
use crate::config::ExperimentConfig;
use crate::engine::Engine;
use crate::error::{During as _, Result, refuse};
use crate::run::Place;
use crate::target::Target;
use crate::work::Work;

/// Pairs that are made together.
const BATCH: i64 = 4096;

/// The pairs of an experiment whose coupling is a reflow: those that the run's folder holds, or new ones, for which a
/// folder is made once it is sure that there are any.
pub(crate) fn pairs(
    config: &ExperimentConfig,
    place: &mut Place,
    ends: (&Base, &Target),
    (device, work): (Device, &Work),
) -> Result<Option<Pairs>> {
    let CouplingConfig::Reflow { from, n_pairs } = &config.coupling else { return Ok(None) };
    let space = ends.1.space();
    let kept = place.existing().map(crate::run::RunFolder::pairs).filter(|file| file.is_file());
    if let Some(kept) = kept {
        return Ok(Some(Pairs::read(&kept, space)?));
    }
    if let Some(group) = work.group().filter(|group| group.rank() > 0) {
        let file = of_first(group)?;
        return Ok(Some(Pairs::read(&file, space)?));
    }
    let flow = open(from, config, device)?.with_work(work.clone());
    let Some(folder) = place.folder(config, device)? else {
        return refuse(
            "the pairs of a reflow are kept in a run folder\nhint: say where the run is to be written",
        );
    };
    write(&flow, &folder.pairs(), ends, *n_pairs)?;
    if let Some(group) = work.group() {
        group.set(PAIRS, folder.pairs().as_os_str().as_encoded_bytes())?;
        group.barrier()?;
    }
    Ok(Some(Pairs::read(&folder.pairs(), space)?))
}

/// The name under which the process 0 says where the pairs are.
const PAIRS: &str = "pairs";

/// The file of the pairs that the process 0 of several makes, once they are made.
fn of_first(group: &ProcessGroup) -> Result<PathBuf> {
    group.barrier()?;
    let name = group.get(PAIRS)?;
    Ok(PathBuf::from(String::from_utf8_lossy(&name).into_owned()))
}

/// The flow of a checkpoint or run folder, which must be one between the same ends.
fn open(from: &Path, config: &ExperimentConfig, device: Device) -> Result<Engine> {
    let checkpoint = Checkpoint::load(&checkpoint::find(from).during("in [coupling] from")?)?;
    if !Ends::of(&checkpoint).is_some_and(|ends| ends.base == config.base && ends.target == config.target) {
        return refuse(format!(
            "reflow needs a flow between the same base and target, unlike that of {}",
            from.display()
        ));
    }
    Engine::restore(checkpoint::manifest(&checkpoint)?, &checkpoint, device)
}

/// Writes the flow's pairs into a file.
fn write(flow: &Engine, path: &Path, (base, target): (&Base, &Target), n_pairs: i64) -> Result<()> {
    let (base, target) = (base.training(), target.training());
    let pairs = PairedFlow {
        network: flow.network(),
        solver: flow.solver(),
        base: &*base,
        target: &*target,
        seed: flow.seed(),
    };
    let task = flow.work().begin("pairs", n_pairs.unsigned_abs());
    Ok(pairs.write_pairs(path, n_pairs, BATCH, |n| task.advance(n))?)
}

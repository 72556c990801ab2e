//! The velocity that a flow map is distilled from.

use std::path::Path;

use interflow_core::Network;
use interflow_train::Checkpoint;
use tch::Device;

use crate::checkpoint::{self, Ends};
use crate::config::ExperimentConfig;
use crate::engine::Engine;
use crate::error::{During as _, Result, refuse};
use crate::manifest::FlowManifest;

/// The velocity of a checkpoint or run folder, which must be one of the same path between the same ends, in the same
/// precision.
///
/// # Errors
/// If there is no checkpoint, it cannot be used, or it is one of another path.
pub(crate) fn velocity(
    from: &Path,
    config: &ExperimentConfig,
    manifest: &FlowManifest,
    device: Device,
) -> Result<Box<dyn Network>> {
    let place = "in [objective] teacher";
    let checkpoint = Checkpoint::load(&checkpoint::find(from).during(place)?)?;
    let taught = checkpoint::manifest(&checkpoint).during(place)?;
    let same_ends =
        Ends::of(&checkpoint).is_some_and(|ends| ends.base == config.base && ends.target == config.target);
    let differs = [
        ("base or target", !same_ends),
        ("interpolant", taught.interpolant != manifest.interpolant || taught.path.is_some()),
        ("pairing", taught.pairing != manifest.pairing),
        ("precision", taught.precision != manifest.precision),
    ];
    if let Some((part, _)) = differs.into_iter().find(|(_, differs)| *differs) {
        return refuse(format!(
            "{place}: the flow has another {part} than the experiment: {}",
            from.display()
        ));
    }
    Ok(Engine::restore(taught, &checkpoint, device).during(place)?.network().duplicate()?)
}

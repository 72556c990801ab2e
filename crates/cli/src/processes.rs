//! Several processes that share the work: how one of them joins the others.

use std::num::NonZeroUsize;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use interflow_libtorch::{Place, ProcessGroup};

/// How the work is shared out.
#[derive(Debug, Args)]
pub(crate) struct ProcessArgs {
    /// Share the work with as many processes on this machine, started for it. Processes that `torchrun`, `srun` or `mpirun`
    /// starts share it without this.
    #[arg(long, global = true, value_name = "N")]
    pub(crate) processes: Option<NonZeroUsize>,
    /// How many seconds a process may show no sign of life before the others give up, and how long they wait for each other at
    /// the start.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = Place::TIMEOUT.as_secs(),
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
}

impl ProcessArgs {
    /// This process's place among those that share the work, as its environment says; none if it works alone.
    pub(crate) fn place(&self) -> Result<Option<Place>> {
        let timeout = Duration::from_secs(self.timeout);
        Ok(Place::of_environment()?.map(|place| Place { timeout, ..place }))
    }

    /// How many processes are to be started on this machine; none where others start them, or one is enough.
    pub(crate) fn to_start(&self, place: Option<&Place>) -> Result<Option<NonZeroUsize>> {
        match (self.processes, place) {
            (Some(wanted), Some(place)) if wanted.get() != place.size => bail!(
                "the environment says that {} processes share the work, and --processes {wanted}\n\
                 hint: leave --processes to who starts them",
                place.size
            ),
            (Some(wanted), None) if wanted.get() > 1 => Ok(Some(wanted)),
            _ => Ok(None),
        }
    }
}

/// Joins the others.
pub(crate) fn join(place: Place) -> Result<ProcessGroup> {
    let (rank, size) = (place.rank, place.size);
    let group = ProcessGroup::join(place)?;
    if rank == 0 {
        tracing::info!("{size} processes share the work");
    }
    Ok(group)
}

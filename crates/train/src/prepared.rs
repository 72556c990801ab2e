//! Batches whose host part is made ahead of the step that uses it.

use std::num::NonZeroUsize;
use std::sync::Arc;

use interflow_core::ahead::Ahead;
use interflow_libtorch::Share;
use tch::Kind;

use crate::batches::Batches;
use crate::error::{Error, Result};
use crate::host_batch::HostBatch;
use crate::problem::Problem;
use crate::time::TimeSampler;

/// Threads that draw: one takes 12 ms for the million normal numbers of CIFAR-10's batch.
const WORKERS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);
/// Steps that are prepared ahead, one for each thread.
const STEPS: u64 = 2;

/// What the host has to make of a run's next steps, made on threads of their own while the device computes the present step.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// By the run's seed.
    batches: Ahead<u64, Result<HostBatch>>,
}

impl Prepared {
    /// The training batches of `n` pairs with `jitter`, at times of this law, a share of them, in a kind.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub(crate) fn new(
        problem: Arc<Problem>,
        (times, share): (TimeSampler, Share),
        (n, jitter): (i64, f64),
        kind: Kind,
    ) -> Result<Self> {
        // What records gradients is known thread by thread.
        let make = move |seed, step| {
            tch::no_grad(|| {
                let batches = Batches::training(&problem, seed).jittered(jitter);
                batches.on_host(n, step, (&times, share))?.pinned(kind)
            })
        };
        let batches = Ahead::new(make, WORKERS, STEPS).map_err(|source| Error::Failed {
            operation: "start the threads that prepare batches",
            source: source.into(),
        })?;
        Ok(Self { batches })
    }

    /// The part of step `step` of the run with this seed.
    ///
    /// # Errors
    /// If the coupling refuses the points.
    pub(crate) fn get(&self, seed: u64, step: u64) -> Result<HostBatch> {
        self.batches.get(seed, step)
    }
}

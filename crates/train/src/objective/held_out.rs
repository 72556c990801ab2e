//! The held-out data that an objective gets for a check.

use interflow_core::Network;
use interflow_core::rng::{Purpose, Stream};
use interflow_libtorch::Share;
use tch::{Device, Kind};

use crate::batch::Batch;
use crate::batches::{Batches, held_out_seed};
use crate::error::Result;
use crate::problem::Problem;
use crate::time::{TimeConfig, TimeSampler};

/// The most pairs of a batch whose rows do not depend on each other.
const BATCH: i64 = 1024;

/// What an objective gets to compute its value on held-out data. The data are the same at every check of a run.
#[derive(Debug)]
#[non_exhaustive]
pub struct HeldOut<'a> {
    /// The network to check: the one with averaged weights, if there is an average.
    pub network: &'a dyn Network,
    /// The interpolant, and the data at its ends.
    pub problem: &'a Problem,
    /// The number of pairs to use, at least two.
    pub n: i64,
    /// The run's seed.
    seed: u64,
    times: TimeSampler,
    /// How many points are drawn, and paired, for a batch.
    batch: i64,
    /// The rows of every batch that are this process's.
    share: Share,
}

impl<'a> HeldOut<'a> {
    /// The data of the run's `seed`. Where the coupling pairs points over a whole batch, which rows are paired, and so the
    /// path, depends on the batch's size: then it is that of training.
    pub(crate) fn new(
        (network, problem): (&'a dyn Network, &'a Problem),
        seed: u64,
        n: i64,
        batch_of_training: i64,
    ) -> Result<Self> {
        let times = TimeConfig::Uniform {}.build(&problem.interpolant)?;
        let batch = if problem.coupling.is_row_by_row() { BATCH } else { batch_of_training.max(1) };
        Ok(Self { network, problem, n: n.max(2), seed, times, batch, share: Share::WHOLE })
    }

    /// A share of the same data; all of them where a share would be too little to know a deviation from.
    pub(crate) fn shared(self, share: Share) -> Self {
        if self.n < 2 * share.size() { self } else { Self { share, ..self } }
    }

    /// How many pairs [`HeldOut::batches`] has.
    pub(crate) fn n_own(&self) -> i64 {
        self.sizes().map(|n| self.share.rows(n)).map(|rows| rows.end - rows.start).sum()
    }

    /// The `n` held-out pairs on the path at uniform times, batch by batch. If several processes train together, each
    /// gets its share of them.
    ///
    /// # Errors
    /// In an item, if the interpolant or the coupling refuses the points.
    pub fn batches(&self) -> impl Iterator<Item = Result<Batch>> + '_ {
        let batches = Batches::held_out(self.problem, self.seed).drawing(self.batch);
        let own = (0..).zip(self.sizes()).filter(|(_, n)| !self.share.rows(*n).is_empty());
        own.map(move |(index, n)| {
            batches.on_path(batches.on_host(n, index, (&self.times, self.share))?, self.placement())
        })
    }

    /// The sizes of the batches into which the `n` pairs are divided.
    pub fn sizes(&self) -> impl Iterator<Item = i64> + use<> {
        let (n, batch) = (self.n, self.batch);
        (0..n).step_by(batch as usize).map(move |first| batch.min(n - first))
    }

    /// How many points a source is asked for, for each of these batches, of which the last one may use a part.
    pub fn drawn(&self) -> i64 {
        self.batch
    }

    /// The floating-point kind and the device of the weights.
    pub fn placement(&self) -> (Kind, Device) {
        let parameters = self.network.parameters();
        (parameters.kind(), parameters.device())
    }

    /// The stream of held-out random numbers for this purpose.
    pub fn stream(&self, purpose: Purpose) -> Stream {
        Stream::new(held_out_seed(self.seed), purpose)
    }

    /// The stream of held-out random numbers of this name, for purposes of your own.
    pub fn named_stream(&self, name: &str) -> Stream {
        Stream::named(held_out_seed(self.seed), name)
    }
}

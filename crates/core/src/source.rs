//! Where training points come from.

use std::ops::Range;

use tch::Kind;

use crate::density::Sampler;
use crate::points::Points;
use crate::rng::Stream;
use crate::space::Space;

/// A supply of training points, batch by batch.
///
/// A batch is a function of (stream, step) alone, so that a resumed run sees the batches it would have seen.
pub trait Source: Send + Sync {
    /// The dimension of a state and what the points are given.
    fn space(&self) -> Space;

    /// The `n` points of training step `step`, states `[n, D]`, on the CPU.
    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Points;

    /// These rows of the same batch, for a process that needs no others. A source that reads or computes them one by one
    /// does so for these alone.
    fn rows(&self, n: i64, step: u64, stream: &Stream, rows: Range<i64>) -> Points {
        self.batch(n, step, stream).narrow(rows.start, rows.end - rows.start)
    }
}

/// Fresh, independent samples at every step, given nothing.
#[derive(Debug, Clone)]
pub struct Fresh<S>(pub S);

impl<S: Sampler> Source for Fresh<S> {
    fn space(&self) -> Space {
        Space::from(self.0.dim())
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Points {
        Points::from(self.0.sample(n, &mut stream.at(step), Kind::Float))
    }
}

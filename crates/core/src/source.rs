//! Sources of training points.

use std::fmt;
use std::ops::Range;

use tch::Kind;

use crate::density::Sampler;
use crate::points::Points;
use crate::rng::Stream;
use crate::space::Space;

/// A source of training points, which gives them batch by batch.
///
/// A batch must be a function of (stream, step) alone, so that a resumed run gets the batches that it would have got.
pub trait Source: Send + Sync {
    /// The dimension D of a state, and the conditions of the points.
    fn space(&self) -> Space;

    /// The `n` points of training step `step`, states `[n, D]` with conditions, on the CPU.
    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Points;

    /// These rows of the same batch, for a process that needs no others. A source that reads or computes rows one by
    /// one should do so for these alone; the default makes the whole batch.
    fn rows(&self, n: i64, step: u64, stream: &Stream, rows: Range<i64>) -> Points {
        self.batch(n, step, stream).narrow(rows.start, rows.end - rows.start)
    }
}

impl fmt::Debug for dyn Source + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("space", &self.space()).finish_non_exhaustive()
    }
}

/// Fresh, independent samples of a law at every step, without conditions.
#[derive(Debug, Clone)]
pub struct Fresh<S>(pub S);

impl<S: Sampler> Source for Fresh<S> {
    fn space(&self) -> Space {
        Space::from(self.0.dim())
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Points {
        Points::from(self.0.sample(n, &mut stream.at(step), Kind::Float))
    }

    fn rows(&self, n: i64, step: u64, stream: &Stream, rows: Range<i64>) -> Points {
        Points::from(self.0.sample_part(n, rows, &mut stream.at(step), Kind::Float))
    }
}

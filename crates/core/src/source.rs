//! Where training points come from.

use tch::{Kind, Tensor};

use crate::density::Sampler;
use crate::rng::Stream;

/// A supply of training points, batch by batch.
///
/// A batch is a function of (stream, step) alone, so that a resumed run sees the batches it would have seen.
pub trait Source: Send + Sync {
    /// The dimension `D` of a point.
    fn dim(&self) -> i64;

    /// The `n` points `[n, D]` of training step `step`, on the CPU.
    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Tensor;
}

/// Fresh, independent samples at every step.
#[derive(Debug, Clone)]
pub struct Fresh<S>(pub S);

impl<S: Sampler> Source for Fresh<S> {
    fn dim(&self) -> i64 {
        self.0.dim()
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Tensor {
        self.0.sample(n, &mut stream.at(step), Kind::Float)
    }
}

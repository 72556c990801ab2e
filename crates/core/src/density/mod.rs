//! Laws of points that can be sampled, and those that also have a log-density.

pub(crate) mod constant;
mod gaussian;
mod mixture;
mod mixture_path;
mod pointer;

use std::fmt;
use std::ops::Range;

use tch::{Kind, Tensor};

pub use gaussian::{Gaussian, StandardNormal};
pub use mixture::GaussianMixture;
pub use mixture_path::{MixturePath, MixtureScore, MixtureVelocity};

use crate::error::Result;
use crate::rng::{Draw, Stream};

/// A law from which independent points can be drawn.
pub trait Sampler: Send + Sync {
    /// The dimension `D` of a point.
    fn dim(&self) -> i64;

    /// `n` independent points, `[n, D]`, of floating-point kind `kind` on the CPU.
    fn sample(&self, n: i64, draw: &mut Draw, kind: Kind) -> Tensor;

    /// The rows `rows` of the points that [`Sampler::sample`] draws. A law whose points can be drawn without those before
    /// them should draw these alone; the default draws all.
    fn sample_part(&self, n: i64, rows: Range<i64>, draw: &mut Draw, kind: Kind) -> Tensor {
        self.sample(n, draw, kind).narrow(0, rows.start, rows.end - rows.start)
    }

    /// `n` independent points `[n, D]`, of which row `i` depends only on the sample's number `first + i`, so that
    /// results do not depend on how samples are divided into batches.
    fn sample_rows(&self, first: u64, n: i64, stream: &Stream, kind: Kind) -> Tensor {
        let rows: Vec<Tensor> =
            (0..n as u64).map(|row| self.sample(1, &mut stream.at(first + row), kind)).collect();
        if rows.is_empty() {
            return Tensor::zeros([0, self.dim()], (kind, tch::Device::Cpu));
        }
        Tensor::cat(&rows, 0)
    }
}

impl fmt::Debug for dyn Sampler + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampler").field("dim", &self.dim()).finish_non_exhaustive()
    }
}

/// A law with a known log-density.
pub trait Density: Sampler {
    /// `log ρ(x)` in nats, `[B]`, at floating-point points `x`, `[B, D]`; −∞ outside the support.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] for points of another dimension ([`crate::shape::check_states`]), [`crate::Error::Kind`].
    fn log_density(&self, x: &Tensor) -> Result<Tensor>;
}

impl fmt::Debug for dyn Density + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Density").field("dim", &self.dim()).finish_non_exhaustive()
    }
}

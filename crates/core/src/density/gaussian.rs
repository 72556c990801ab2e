//! The standard normal law, the usual base.

use std::f64::consts::TAU;

use tch::{Kind, Tensor};

use super::{Density, Sampler};
use crate::rng::{Draw, Stream};

/// N(0, I) in `dim` dimensions.
#[derive(Debug, Clone, Copy)]
pub struct StandardNormal {
    /// The dimension D.
    pub dim: i64,
}

impl Sampler for StandardNormal {
    fn dim(&self) -> i64 {
        self.dim
    }

    fn sample(&self, n: i64, draw: &mut Draw, kind: Kind) -> Tensor {
        draw.normal(&[n, self.dim], kind)
    }

    fn sample_rows(&self, first: u64, n: i64, stream: &Stream, kind: Kind) -> Tensor {
        stream.normal_rows(first, n, self.dim, kind)
    }
}

impl Density for StandardNormal {
    fn log_density(&self, x: &Tensor) -> Tensor {
        let kind = x.kind();
        x.square().sum_dim_intlist(1i64, false, kind) * -0.5 - 0.5 * self.dim as f64 * TAU.ln()
    }
}

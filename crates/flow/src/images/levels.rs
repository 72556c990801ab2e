//! The levels of images' pixels as a flow's states, and back.

use interflow_core::rng::{Purpose, Stream};
use interflow_data::{dequantise, quantise};
use tch::{Device, Kind, Tensor};

use crate::error::{Result, refuse};
use crate::manifest::ImageManifest;

/// The images that a flow's states are: level k of `n_levels` is spread over one of as many equal parts of [−1, 1).
#[derive(Debug, Clone, Copy)]
pub struct Levels {
    images: ImageManifest,
}

impl Levels {
    /// The levels of such images.
    pub fn new(images: ImageManifest) -> Self {
        Self { images }
    }

    /// Whether a tensor holds levels, as whole numbers of an integer kind; else it holds states.
    pub fn are_levels(&self, x: &Tensor) -> bool {
        matches!(x.kind(), Kind::Uint8 | Kind::Int8 | Kind::Int16 | Kind::Int | Kind::Int64)
    }

    /// States `[N, D]` of images as levels, `[N, D]` or `[N, C, H, W]`, with noise under `seed` that depends on an
    /// image's number alone.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] for another shape, or numbers that are no levels.
    pub fn dequantise(&self, levels: &Tensor, seed: u64) -> Result<Tensor> {
        let (size, dim) = (levels.size(), self.images.shape().dim());
        let n = size.first().copied().unwrap_or(0);
        if size.len() < 2 || size[1..].iter().product::<i64>() != dim {
            let [c, h, w] = self.images.sides();
            return refuse(format!(
                "the flow's images have shape [N, {dim}] or [N, {c}, {h}, {w}], found: {size:?}"
            ));
        }
        let flat = levels.reshape([n, dim]).to_device(Device::Cpu);
        let (least, top) = (0, self.images.n_levels - 1);
        if n > 0 {
            let (low, high) = (flat.min().int64_value(&[]), flat.max().int64_value(&[]));
            if low < least || high > top {
                return refuse(format!("the flow's images have levels 0 to {top}, found: {low} to {high}"));
            }
        }
        let stream = Stream::new(seed, Purpose::Test);
        Ok(dequantise(&flat.to_kind(Kind::Uint8), self.images.n_levels, 0, &stream))
    }

    /// The levels `[N, D]`, of kind `Uint8`, that states `[N, D]` stand for.
    pub fn quantise(&self, x: &Tensor) -> Tensor {
        quantise(&x.to_device(Device::Cpu), self.images.n_levels).to_kind(Kind::Uint8)
    }

    /// What a log-density of states needs to become one where a level is of length 1, in nats: then it bounds the
    /// log-probability of the levels.
    pub fn log_jacobian(&self) -> f64 {
        (2.0 / self.images.n_levels as f64).ln() * self.images.shape().dim() as f64
    }
}

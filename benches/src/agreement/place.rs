//! Where a check is computed, with the numbers it starts from.

use interflow_core::rng::{Draw, Stream};
use interflow_core::{Network, Space};
use interflow_models::ModelConfig;
use tch::{Device, Kind, Tensor};

use crate::filled;

/// A device and the kind of the floating-point numbers there.
///
/// All numbers are drawn on the CPU in double precision, so that they are equal at all places but for the rounding of their
/// kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// The kind of floating-point numbers.
    pub kind: Kind,
    /// Where they lie.
    pub device: Device,
}

impl Place {
    /// Kind and device as constructors take them.
    pub fn options(self) -> (Kind, Device) {
        (self.kind, self.device)
    }

    /// A copy of `x` of this kind at this place.
    pub fn put(self, x: &Tensor) -> Tensor {
        x.to_kind(self.kind).to_device(self.device)
    }

    /// Standard normal numbers of this shape; other numbers for another `index`.
    pub fn normal(self, index: u64, shape: &[i64]) -> Tensor {
        self.put(&draw(index).normal(shape, Kind::Double))
    }

    /// Numbers uniform in [0, 1) of this shape; other numbers for another `index`.
    pub fn uniform(self, index: u64, shape: &[i64]) -> Tensor {
        self.put(&draw(index).uniform(shape, Kind::Double))
    }

    /// `n` times between 0.02 and 0.98, `[n]`, away from the ends at which paths with a latent are singular.
    pub fn times(self, n: i64) -> Tensor {
        let inner = draw(1000).uniform(&[n], Kind::Double) * 0.96 + 0.02;
        self.put(&inner)
    }

    /// The network of a config with all weights drawn, none of them zero.
    ///
    /// # Errors
    /// If the config makes no network for points of `space`.
    pub fn network(self, config: &ModelConfig, space: impl Into<Space>) -> anyhow::Result<Box<dyn Network>> {
        let mut draw = draw(2000);
        let network = config.init(space, &mut draw, self.options())?;
        Ok(filled(network, &mut draw))
    }
}

/// The checks' own random numbers.
pub(super) fn draw(index: u64) -> Draw {
    Stream::named(0, "interflow/agreement").at(index)
}

//! Networks as written in a config.

use interflow_core::rng::Draw;
use interflow_core::{Network, Space};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind};

use crate::error::Result;
use crate::mlp::MlpConfig;
use crate::residual_mlp::ResidualMlpConfig;
use crate::u_net::UNetConfig;

/// The network of a velocity, or of a denoiser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ModelConfig {
    /// A multilayer perceptron.
    Mlp(MlpConfig),
    /// A residual perceptron.
    ResidualMlp(ResidualMlpConfig),
    /// A U-Net for images.
    UNet(UNetConfig),
}

impl ModelConfig {
    /// The number of scalar weights of a network for points of `space`, computed without making the weights.
    ///
    /// # Errors
    /// [`crate::Error::Size`] if a size is not allowed.
    pub fn n_scalars(&self, space: Space) -> Result<f64> {
        match self {
            Self::Mlp(config) => config.n_scalars(space),
            Self::ResidualMlp(config) => config.n_scalars(space),
            Self::UNet(config) => config.n_scalars(space),
        }
    }

    /// A network for points of `space`, which may be a dimension alone, with weights from `draw` of this kind on this
    /// device.
    ///
    /// # Errors
    /// [`crate::Error::Size`] if a size is not allowed, or a U-Net's images have another dimension than the points;
    /// [`crate::Error::Given`] if the network cannot take the conditions of the points.
    pub fn init(
        &self,
        space: impl Into<Space>,
        draw: &mut Draw,
        options: (Kind, Device),
    ) -> Result<Box<dyn Network>> {
        let space = space.into();
        match self {
            Self::Mlp(config) => Ok(Box::new(config.init(space, draw, options)?)),
            Self::ResidualMlp(config) => Ok(Box::new(config.init(space, draw, options)?)),
            Self::UNet(config) => Ok(Box::new(config.init(space, draw, options)?)),
        }
    }
}

//! Which network, as written in a config.

use interflow_core::rng::Draw;
use interflow_core::{Network, Space};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind};

use crate::error::Result;
use crate::mlp::MlpConfig;
use crate::residual_mlp::ResidualMlpConfig;
use crate::u_net::UNetConfig;

/// A velocity's network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ModelConfig {
    /// A multilayer perceptron.
    Mlp(MlpConfig),
    /// A residual perceptron.
    ResidualMlp(ResidualMlpConfig),
    /// A U-Net on images.
    UNet(UNetConfig),
}

impl ModelConfig {
    /// How many numbers the weights of a network for points of `space` are, without making them.
    ///
    /// # Errors
    /// [`crate::Error::Size`] if a size is not allowed.
    pub fn n_scalars(&self, space: Space) -> Result<f64> {
        match self {
            Self::Mlp(config) => config.n_scalars(space),
            Self::ResidualMlp(config) => config.n_scalars(space),
            Self::UNet(config) => Ok(config.n_scalars(space.given)? as f64),
        }
    }

    /// A network for points of `space`, which may be a dimension alone, with weights from `draw`, of the given kind on the
    /// given device.
    ///
    /// # Errors
    /// [`crate::Error::Size`] if a size is not allowed, or a U-Net's images have another dimension; [`crate::Error::Given`]
    /// if the network cannot be given what the points are.
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

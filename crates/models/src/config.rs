//! Which network, as written in a config.

use interflow_core::Network;
use interflow_core::rng::Draw;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind};

use crate::{MlpConfig, ResidualMlpConfig, Result, UNetConfig};

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
    /// A network for points of dimension `dim` with weights from `draw`, of the given kind on the given device.
    ///
    /// # Errors
    /// [`crate::Error::Size`] if a size is not allowed, or a U-Net's images have another dimension.
    pub fn init(&self, dim: i64, draw: &mut Draw, options: (Kind, Device)) -> Result<Box<dyn Network>> {
        match self {
            Self::Mlp(config) => Ok(Box::new(config.init(dim, draw, options)?)),
            Self::ResidualMlp(config) => Ok(Box::new(config.init(dim, draw, options)?)),
            Self::UNet(config) => {
                config.check_dim(dim)?;
                Ok(Box::new(config.init(draw, options)?))
            }
        }
    }
}

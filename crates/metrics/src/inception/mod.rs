//! `InceptionV3` as in the definition of the Fréchet inception distance (Heusel et al. 2017): features of images.
//!
//! The network is TensorFlow's of 2015-12-05 as ported by `pytorch-fid`. It differs from others of its name: the
//! average pools of its blocks do not count the padding, and the last block has a maximum pool instead. It belongs to
//! the metric and cannot be trained, so it is here and not among the models of flows.
//!
//! The weights are those that `pytorch-fid` publishes, as one safetensors file:
//!
//! ```sh
//! python -c "import torch, safetensors.torch as s; s.save_file(
//!     torch.load('pt_inception-2015-12-05-6726825d.pth'), 'inception-2015-12-05.safetensors')"
//! ```

mod architecture;
mod layer;
mod weights;

use std::path::Path;

use tch::{Device, Kind, Tensor};

use self::layer::{Layer, apply_all};
use self::weights::Weights;
use crate::features::tensors;
use crate::{Error, Result};

/// The side to which images are resized.
const SIDE: i64 = 299;

/// The network up to its last pool, which gives the features.
#[derive(Debug)]
pub struct Inception {
    layers: Vec<Layer>,
}

impl Inception {
    /// The number of features D, that of the layer `pool3`.
    pub const N_FEATURES: i64 = 2048;

    /// Loads the network with the weights of a safetensors file onto `device`.
    ///
    /// # Errors
    /// [`Error::Weights`] if the file cannot be read, lacks a weight, or has one of another shape or name or with a
    /// value that is not finite.
    pub fn load(path: &Path, device: Device) -> Result<Self> {
        let named = |problem: String| Error::Weights { problem: format!("{}: {problem}", path.display()) };
        let bytes = std::fs::read(path).map_err(|source| named(source.to_string()))?;
        let weights = tensors(&bytes).map_err(named)?;
        Self::from_weights(weights, device).map_err(|error| match error {
            Error::Weights { problem } => named(problem),
            other => other,
        })
    }

    /// The network with these named weights, on `device`.
    ///
    /// # Errors
    /// As [`Inception::load`].
    pub fn from_weights(weights: impl IntoIterator<Item = (String, Tensor)>, device: Device) -> Result<Self> {
        let mut weights = Weights::new(weights, device);
        let layers = architecture::layers(&mut weights)?;
        weights.finish()?;
        Ok(Self { layers })
    }

    /// The features `[B, 2048]` of images `x`, `[B, C, H, W]`, with values from −1 (black) to 1 (white), on the
    /// network's device. Images of one channel are grey.
    ///
    /// # Errors
    /// [`Error::Core`] unless there are one or three channels, [`Error::Torch`] if libtorch refuses.
    pub fn features(&self, x: &Tensor) -> Result<Tensor> {
        let grey = match x.size()[..] {
            [_, 3, _, _] => false,
            [_, 1, _, _] => true,
            _ => {
                let (expected, found) = ("[B, 1 or 3, H, W]".to_owned(), x.size());
                return Err(interflow_core::Error::Shape { operation: "Inception", expected, found }.into());
            }
        };
        tch::no_grad(|| {
            let x = if grey { x.repeat([1, 3, 1, 1]) } else { x.shallow_clone() };
            let x = x
                .to_kind(Kind::Float)
                .f_upsample_bilinear2d([SIDE, SIDE], false, None, None)
                .map_err(|source| Error::Torch { operation: "Inception", source })?;
            Ok(apply_all(&self.layers, &x).mean_dim([2i64, 3].as_slice(), false, Kind::Float))
        })
    }
}

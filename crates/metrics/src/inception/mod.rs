//! `InceptionV3` as the Fréchet inception distance was defined with (Heusel et al. 2017): features of images.
//!
//! The network is TensorFlow's of 2015-12-05 as ported by `pytorch-fid`, which differs from others of its name: the
//! average pools of its blocks leave the padding out of their count, and the last block has a maximum pool instead.
//! A metric's network belongs to the metric, so it lives here and not with the models of flows; it can't be trained.
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

/// The network up to its last pool.
#[derive(Debug)]
pub struct Inception {
    layers: Vec<Layer>,
}

impl Inception {
    /// The number of features, those of the layer `pool3`.
    pub const N_FEATURES: i64 = 2048;

    /// The network with the weights of a safetensors file, on `device`.
    ///
    /// # Errors
    /// [`Error::Weights`] if the file can't be read, or lacks a weight, or has one of another shape or name or with a
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

    /// The network with the named `weights`, on `device`.
    ///
    /// # Errors
    /// As [`Inception::load`].
    pub fn from_weights(weights: impl IntoIterator<Item = (String, Tensor)>, device: Device) -> Result<Self> {
        let mut weights = Weights::new(weights, device);
        let layers = architecture::layers(&mut weights)?;
        weights.finish()?;
        Ok(Self { layers })
    }

    /// Features `[B, 2048]` of images `x`, `[B, C, H, W]`, with values from −1 (black) to 1, on the
    /// network's device; one channel is taken for grey.
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

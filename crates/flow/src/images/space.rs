//! The images that are the states of a flow.

use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Given, Points};
use interflow_data::{ImageShape, Images};
use interflow_metrics::bits_per_dim;
use interflow_models::ModelConfig;
use tch::{Device, Kind, Tensor};

use super::levels::Levels;
use crate::engine::Engine;
use crate::error::{Error, Result, refuse, torch};
use crate::manifest::{FlowManifest, ImageManifest};

/// The images that are the states of a flow, and the classes that the flow is given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImageSpace {
    images: ImageManifest,
    n_classes: i64,
}

impl ImageSpace {
    /// The images of the flow that `manifest` describes.
    ///
    /// # Errors
    /// [`Error::Refused`] if the flow is not one of images.
    pub fn of(manifest: &FlowManifest) -> Result<Self> {
        let images = manifest.target.images;
        let images = images.ok_or_else(|| Error::refused("the flow is not one of images"))?;
        Ok(Self { images, n_classes: manifest.n_classes() })
    }

    /// The numbers of channels, rows and columns, `[C, H, W]`.
    pub fn sides(&self) -> [i64; 3] {
        self.images.sides()
    }

    /// The images' shape.
    pub fn shape(&self) -> ImageShape {
        self.images.shape()
    }

    /// The number of levels of a pixel.
    pub fn n_levels(&self) -> i64 {
        self.images.n_levels
    }

    /// The number of classes that the flow tells apart; 0 if it is given none.
    pub fn n_classes(&self) -> i64 {
        self.n_classes
    }

    /// Refuses a U-Net that is for images of another shape.
    ///
    /// # Errors
    /// [`Error::Refused`] naming both shapes.
    pub fn check_model(&self, model: &ModelConfig) -> Result<()> {
        let ModelConfig::UNet(net) = model else { return Ok(()) };
        let ours = self.sides();
        if net.shape != ours {
            return refuse(format!(
                "model.shape must be that of the images, {ours:?}, found: {:?}",
                net.shape
            ));
        }
        Ok(())
    }

    /// The pixels `[N, D]`, as levels of kind `Uint8`, of the flow's states `x`, `[N, D]`.
    pub fn pixels(&self, x: &Tensor) -> Tensor {
        Levels::new(self.images).quantise(x)
    }

    /// The levels of `pixels`, `[N, D]`, in row-major order, as bytes.
    ///
    /// # Errors
    /// [`Error::Refused`] if the pixels are not `[N, D]`.
    pub fn levels(&self, pixels: &Tensor) -> Result<Vec<u8>> {
        let (dim, size) = (self.shape().dim(), pixels.size());
        if !matches!(size[..], [_, found] if found == dim) {
            return refuse(format!("the flow's images have pixels [N, {dim}], found: {size:?}"));
        }
        let flat = pixels.to_kind(Kind::Uint8).to_device(Device::Cpu).contiguous().view(-1);
        Vec::<u8>::try_from(&flat).map_err(torch("reading pixels"))
    }

    /// The flow's points, states `[N, D]` and classes, of the images whose numbers are `chosen`. The i-th is
    /// dequantised with the noise of number `first + i` of `stream`.
    ///
    /// # Panics
    /// If there is no image of a number.
    pub fn points(&self, images: &Images, chosen: &[i64], first: u64, stream: &Stream) -> Points {
        let x = self.images.quantisation().dequantise(&images.pixels_of(chosen), first, stream);
        if self.n_classes == 0 {
            return x.into();
        }
        let classes: Vec<i64> = chosen.iter().map(|&number| images.labels()[number as usize]).collect();
        Points { x, given: Given::Class(Tensor::from_slice(&classes)) }
    }

    /// The bound on the bits per dimension, `[N]`, of the images whose dequantised points `x`, `[N, D]`, have these log-densities,
    /// `[N]`, in nats.
    pub fn bits_per_dim(&self, log_density: &Tensor, x: &Tensor) -> Tensor {
        let double = |x: &Tensor| x.to_device(Device::Cpu).to_kind(Kind::Double);
        let bound = double(log_density) + self.images.quantisation().entropy_term(&double(x));
        bits_per_dim(&bound, self.shape().dim(), self.n_levels())
    }

    /// Base points number `first..first + n` of a flow, given the classes in turn where it has some.
    ///
    /// # Errors
    /// [`Error::Refused`] if the base is known by its data only.
    pub fn base_points(&self, engine: &Engine, first: u64, n: i64) -> Result<Points> {
        let x = engine.base().sample(first, n, engine.seed(), engine.manifest().precision.kind())?;
        if self.n_classes == 0 {
            return Ok(x.into());
        }
        let numbers = Tensor::arange_start(first as i64, first as i64 + n, (Kind::Int64, Device::Cpu));
        Ok(Points { x, given: Given::Class(numbers.remainder(self.n_classes)) })
    }
}

/// `n` of the numbers 0..`of`, or all if there are fewer, evenly spread: files come sorted by class.
pub fn spread(of: i64, n: i64) -> Vec<i64> {
    let n = n.min(of);
    (0..n).map(|index| index * of / n).collect()
}

/// The stream of noise by which test images are dequantised.
pub fn test_noise(seed: u64) -> Stream {
    Stream::new(seed, Purpose::Test)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_images_are_spread_over_all() {
        assert_eq!(spread(10, 4), [0, 2, 5, 7]);
        assert_eq!(spread(3, 8), [0, 1, 2]);
        assert!(spread(0, 8).is_empty());
    }
}

//! What the coordinates of a flow of images are.

use anyhow::{Context, Result, bail};
use image::RgbImage;
use interflow_core::rng::{Purpose, Stream};
use interflow_data::{ImageParts, ImageShape, Images, dequantise, quantise};
use interflow_figure::{Pixels, image_grid};
use interflow_models::ModelConfig;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::conditions::put_given;
use crate::config::ExperimentConfig;
use crate::end::End;

/// The pixels of an image, and the class before them where the flow is conditional.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImageSpace {
    /// 1 for grey, 3 for red, green and blue.
    pub(crate) channels: i64,
    /// Rows of pixels.
    pub(crate) height: i64,
    /// Columns of pixels.
    pub(crate) width: i64,
    /// The levels of a pixel.
    pub(crate) n_levels: i64,
    /// The classes that the flow tells apart; 0 where it has none.
    pub(crate) n_classes: i64,
}

impl ImageSpace {
    /// The space of a flow of `images` whose first `n_given` coordinates are conditions.
    pub(crate) fn of(images: &ImageParts, n_given: i64) -> Self {
        let ImageShape { channels, height, width } = images.train.shape();
        let n_classes = if n_given > 0 { images.train.n_classes() } else { 0 };
        Self { channels, height, width, n_levels: images.train.n_levels(), n_classes }
    }

    /// Refuses a network on images of another shape, or of fewer classes.
    pub(crate) fn check_model(&self, model: &ModelConfig) -> Result<()> {
        let ModelConfig::UNet(net) = model else { return Ok(()) };
        let ours = self.sides();
        if net.shape != ours {
            bail!("model.shape must be that of the images, {ours:?}, found: {:?}", net.shape);
        }
        if net.n_classes != self.n_classes {
            bail!("model.n_classes must be that of the images, {}, found: {}", self.n_classes, net.n_classes);
        }
        Ok(())
    }

    /// Channels, height and width.
    pub(crate) fn sides(&self) -> [i64; 3] {
        [self.channels, self.height, self.width]
    }

    /// The images' shape.
    pub(crate) fn shape(&self) -> ImageShape {
        ImageShape { channels: self.channels, height: self.height, width: self.width }
    }

    /// How many of the first coordinates are conditions: the class.
    pub(crate) fn n_given(&self) -> i64 {
        i64::from(self.n_classes > 0)
    }

    /// The pixels `[N, C·H·W]`, as levels, of the flow's points `x`, `[N, D]`.
    pub(crate) fn pixels(&self, x: &Tensor) -> Tensor {
        let x = x.narrow(1, self.n_given(), self.shape().dim());
        quantise(&x.to_device(Device::Cpu), self.n_levels)
    }

    /// The flow's points of images number `chosen`, dequantised by the noise of the numbers from `first`.
    pub(crate) fn points(&self, images: &Images, chosen: &[i64], first: u64, stream: &Stream) -> Tensor {
        let x = dequantise(&images.pixels_of(chosen), self.n_levels, first, stream);
        if self.n_given() == 0 {
            return x;
        }
        let class = |&number: &i64| images.labels()[number as usize] as f32;
        let classes: Vec<f32> = chosen.iter().map(class).collect();
        Tensor::cat(&[&Tensor::from_slice(&classes).unsqueeze(1), &x], 1)
    }

    /// Base points number `first..first + n`, of the classes in turn where the flow has some.
    pub(crate) fn base_points(
        &self,
        config: &ExperimentConfig,
        base: &End,
        first: u64,
        n: i64,
    ) -> Result<Tensor> {
        let x = base.sampling_points(first, n, config.seed, config.precision.kind())?;
        if self.n_given() == 0 {
            return Ok(x);
        }
        let classes = Tensor::arange_start(first as i64, first as i64 + n, (Kind::Int64, Device::Cpu));
        Ok(put_given(&classes.remainder(self.n_classes).unsqueeze(1), &x))
    }

    /// The images of pixels `[N, C·H·W]` in rows of `columns`.
    pub(crate) fn picture(&self, pixels: &Tensor, columns: usize) -> Result<RgbImage> {
        Ok(image_grid(&self.of_levels(&levels(pixels)?), columns))
    }

    /// The images of these levels.
    pub(crate) fn of_levels<'a>(&self, levels: &'a [u8]) -> Pixels<'a> {
        let shape = self.sides().map(|side| side as u32);
        Pixels { levels, shape, n_levels: self.n_levels as u32 }
    }
}

/// The levels of a tensor of pixels, in row-major order.
pub(crate) fn levels(pixels: &Tensor) -> Result<Vec<u8>> {
    let flat = pixels.to_kind(Kind::Uint8).to_device(Device::Cpu).contiguous().view(-1);
    Vec::<u8>::try_from(&flat).context("cannot read pixels")
}

/// `n` of the numbers 0..`of`, evenly spread: files come sorted by class.
pub(crate) fn spread(of: i64, n: i64) -> Vec<i64> {
    let n = n.min(of);
    (0..n).map(|index| index * of / n).collect()
}

/// The stream of noise by which test images are dequantised.
pub(crate) fn test_noise(seed: u64) -> Stream {
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

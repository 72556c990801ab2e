//! The levels of images' pixels as states of a flow, and back.

use interflow_core::rng::{Purpose, Stream};
use tch::{Device, Kind, Tensor};

use crate::error::{Result, refuse};
use crate::manifest::ImageManifest;

/// The map between the levels of pixels and the states of a flow: level k of `n_levels` is the k-th of as many equal
/// parts of [−1, 1).
#[derive(Debug, Clone, Copy)]
pub struct Levels {
    images: ImageManifest,
}

impl Levels {
    /// The map for images of this shape and number of levels.
    pub fn new(images: ImageManifest) -> Self {
        Self { images }
    }

    /// The states `[N, D]` of images with the levels `[N, D]` or `[N, C, H, W]`, which are whole numbers of any kind.
    /// Noise places each within its part of [−1, 1); it is a function of `seed` and the number of the image.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] for tensors of another shape, or numbers that are not levels.
    pub fn dequantise(&self, levels: &Tensor, seed: u64) -> Result<Tensor> {
        self.draw(levels, seed, 0)
    }

    /// As [`Levels::dequantise`], with the noise numbered `draw`, which is another one for each.
    pub(crate) fn draw(&self, levels: &Tensor, seed: u64, draw: u64) -> Result<Tensor> {
        let (size, dim) = (levels.size(), self.images.shape().dim());
        let n = size.first().copied().unwrap_or(0);
        if size.len() < 2 || size[1..].iter().product::<i64>() != dim {
            let [c, h, w] = self.images.sides();
            return refuse(format!(
                "the flow's images have shape [N, {dim}] or [N, {c}, {h}, {w}], found: {size:?}"
            ));
        }
        let flat = levels.reshape([n, dim]).to_device(Device::Cpu);
        self.check(&flat)?;
        let stream = Stream::new(seed, Purpose::Test);
        let first = draw << 32;
        Ok(self.images.quantisation().dequantise(&flat.to_kind(Kind::Uint8), first, &stream))
    }

    /// Refuses numbers that are no levels.
    fn check(&self, levels: &Tensor) -> Result<()> {
        if levels.numel() == 0 {
            return Ok(());
        }
        let (top, values) = (self.images.n_levels - 1, levels.to_kind(Kind::Double));
        let (low, high) = (values.min().double_value(&[]), values.max().double_value(&[]));
        let whole = values.eq_tensor(&values.floor()).all().int64_value(&[]) == 1;
        if whole && low >= 0.0 && high <= top as f64 {
            return Ok(());
        }
        let found = if whole { "" } else { "fractions among numbers " };
        refuse(format!("the flow's images have whole levels 0 to {top}, found: {found}from {low} to {high}"))
    }

    /// The levels `[N, D]`, of kind `Uint8`, of the states `[N, D]`.
    pub fn quantise(&self, x: &Tensor) -> Tensor {
        self.images.quantisation().quantise(&x.to_device(Device::Cpu))
    }

    /// What to add to the log-densities of the states `x`, `[N, D]`, to get lower bounds on the log-probabilities of
    /// their levels, `[N]` in nats: the map scales each coordinate, and the dequantisation noise has a density of its
    /// own.
    pub fn log_jacobian(&self, x: &Tensor) -> Tensor {
        let per_level = (2.0 / self.images.n_levels as f64).ln() * self.images.shape().dim() as f64;
        self.images.quantisation().entropy_term(&x.to_device(Device::Cpu)) + per_level
    }
}

/// Refuses levels of pictures where states of the time `t` before the path's end are wanted.
///
/// # Errors
/// [`crate::Error::Refused`] for numbers of an integral kind, or whole ones of which some are larger than states are.
pub(crate) fn check_states(x: &Tensor, t: f64) -> Result<()> {
    if x.numel() == 0 {
        return Ok(());
    }
    let values = x.to_kind(Kind::Double);
    let (low, high) = (values.min().double_value(&[]), values.max().double_value(&[]));
    let whole = values.eq_tensor(&values.floor()).all().int64_value(&[]) == 1;
    if x.is_floating_point() && !(whole && high > 1.0) {
        return Ok(());
    }
    refuse(format!(
        "levels of pictures are points of time 1, and those of time {t} are states, which lie mostly in [-1, 1], \
         found: whole numbers from {low} to {high}\n\
         hint: leave out the time, or take states, as `encode` writes those of time 0"
    ))
}

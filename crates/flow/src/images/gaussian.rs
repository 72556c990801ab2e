//! Gaussians that are fitted to a set of images, to compare a flow with.

use interflow_core::rng::{Purpose, Stream};
use interflow_data::{ImageShape, Images};
use interflow_metrics::GaussianFit;
use interflow_train::{AxesKind, CosineAxes, PreconditionConfig, PrincipalAxes};
use tch::Tensor;

use crate::error::Result;
use crate::work::Work;

/// Numbers that are held at once while a Gaussian is fitted or evaluated.
const CHUNK: i64 = 1 << 23;

/// The Gaussian to compare a flow with: the one that the flow corrects, or else that with the full covariance. With
/// fewer images than dimensions the covariance is singular, and it is the Gaussian along the cosine basis.
pub fn axes_to_compare(precondition: Option<PreconditionConfig>, train: &Images) -> AxesKind {
    match precondition {
        Some(PreconditionConfig::Gaussian { axes: AxesKind::Cosine }) => AxesKind::Cosine,
        _ if train.n() <= train.shape().dim() => AxesKind::Cosine,
        _ => AxesKind::Principal,
    }
}

/// The log-density `[B]`, in nats, of points `[B, D]`.
type LogDensity = dyn Fn(&Tensor) -> Result<Tensor>;

/// The log-densities `[N]`, in nats, of the images `x`, `[N, C·H·W]`, under the Gaussian that is fitted to all
/// training images, each dequantised once. It ignores classes.
///
/// # Errors
/// If there are too few images for such a Gaussian, or the work is cancelled.
pub fn log_density_of_gaussian(
    axes: AxesKind,
    train: &Images,
    x: &Tensor,
    seed: u64,
    work: &Work,
) -> Result<Tensor> {
    let dim = train.shape().dim();
    let log_density: Box<LogDensity> = if axes == AxesKind::Cosine {
        let axes = cosine_axes(train, seed, work)?;
        Box::new(move |x| Ok(axes.log_density(x)?))
    } else {
        let fit = GaussianFit::fit_batches(train.n(), dim, dequantised(train, seed, work))?;
        Box::new(move |x| Ok(fit.log_density(x)?))
    };
    Ok(Tensor::cat(&x.split(chunk(dim), 0).iter().map(log_density).collect::<Result<Vec<_>>>()?, 0))
}

/// The axes and variances along the cosine basis of a set of images, each dequantised once.
///
/// # Errors
/// If there are fewer than two images, or the work is cancelled.
pub fn cosine_axes(images: &Images, seed: u64, work: &Work) -> Result<PrincipalAxes> {
    let ImageShape { channels, height, width } = images.shape();
    let mut running = CosineAxes::new([channels, height, width]);
    for batch in dequantised(images, seed, work) {
        running.add(&batch?)?;
    }
    Ok(running.axes()?)
}

/// All images, each dequantised once, in order and batch by batch: states `[B, C·H·W]`, or an error if the work is
/// cancelled.
pub fn dequantised<'a>(
    images: &'a Images,
    seed: u64,
    work: &Work,
) -> impl Iterator<Item = Result<Tensor>> + use<'a> {
    let (n_images, chunk) = (images.n(), chunk(images.shape().dim()));
    let noise = Stream::new(seed, Purpose::Resample);
    let task = work.begin("fit Gaussian", n_images.unsigned_abs());
    (0..n_images).step_by(chunk as usize).map(move |first| {
        task.check()?;
        let n = chunk.min(n_images - first);
        task.advance(n as u64);
        Ok(images.quantisation().dequantise(&images.pixels(first, n), first as u64, &noise))
    })
}

/// How many points of dimension `dim` are taken at once.
fn chunk(dim: i64) -> i64 {
    (CHUNK / dim).max(1)
}

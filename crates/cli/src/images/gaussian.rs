//! The Gaussians that are fitted to a set of images.

use anyhow::Result;
use interflow_core::rng::{Purpose, Stream};
use interflow_data::{ImageShape, Images, dequantise};
use interflow_metrics::GaussianFit;
use interflow_train::{AxesKind, CosineAxes, PreconditionConfig, PrincipalAxes};
use tch::Tensor;

use crate::config::ExperimentConfig;
use crate::observer::progress_bar;

/// Numbers that are held at once while a Gaussian is fitted or evaluated.
const CHUNK: i64 = 1 << 23;

/// Which Gaussian to compare with: the one that the flow corrects, else that with full covariance; with fewer images
/// than dimensions, which leave it singular, that along cosines.
pub(super) fn axes_to_compare(config: &ExperimentConfig, train: &Images) -> AxesKind {
    match config.precondition {
        Some(PreconditionConfig::Gaussian { axes: AxesKind::Cosine }) => AxesKind::Cosine,
        _ if train.n() <= train.shape().dim() => AxesKind::Cosine,
        _ => AxesKind::Principal,
    }
}

/// The log-density of the images `x`, `[N, C·H·W]`, under the Gaussian fitted to all training images, dequantised
/// once; it doesn't know of classes.
pub(super) fn log_density_of_gaussian(
    axes: AxesKind,
    train: &Images,
    x: &Tensor,
    seed: u64,
) -> Result<Tensor> {
    let dim = train.shape().dim();
    let log_density: Box<dyn Fn(&Tensor) -> Tensor> = if axes == AxesKind::Cosine {
        let axes = cosine_axes(train, seed)?;
        Box::new(move |x| axes.log_density(x))
    } else {
        let fit = GaussianFit::fit_batches(train.n(), dim, dequantised(train, seed))?;
        Box::new(move |x| fit.log_density(x))
    };
    Ok(Tensor::cat(&x.split(chunk(dim), 0).iter().map(log_density).collect::<Vec<_>>(), 0))
}

/// The Gaussian along cosines of images, dequantised once.
pub(crate) fn cosine_axes(images: &Images, seed: u64) -> Result<PrincipalAxes> {
    let ImageShape { channels, height, width } = images.shape();
    let mut running = CosineAxes::new([channels, height, width]);
    for batch in dequantised(images, seed) {
        running.add(&batch?)?;
    }
    Ok(running.axes()?)
}

/// All images, dequantised once, in order and batch by batch, behind a progress bar.
pub(crate) fn dequantised(images: &Images, seed: u64) -> impl Iterator<Item = Result<Tensor>> + '_ {
    let (n_images, chunk) = (images.n(), chunk(images.shape().dim()));
    let noise = Stream::new(seed, Purpose::Resample);
    let bar = progress_bar(n_images.max(0) as u64, "fit Gaussian");
    (0..n_images).step_by(chunk as usize).map(move |first| {
        crate::interrupt::check()?;
        let n = chunk.min(n_images - first);
        bar.inc(n as u64);
        if first + n == n_images {
            bar.finish_and_clear();
        }
        Ok(dequantise(&images.pixels(first, n), images.n_levels(), first as u64, &noise))
    })
}

/// How many points of dimension `dim` are taken at once.
fn chunk(dim: i64) -> i64 {
    (CHUNK / dim).max(1)
}

//! Bits per dimension on test images, beside those of a Gaussian.

use anyhow::Result;
use interflow_core::rng::{Purpose, Stream};
use interflow_data::{ImageParts, Images, dequantise};
use interflow_metrics::{GaussianFit, bits_per_dim};
use interflow_train::{AxesKind, PreconditionConfig};
use serde_json::{Map, Value, json};
use tch::{Kind, Tensor};

use super::space::{ImageSpace, spread, test_noise};
use crate::config::{DivergenceConfig, ExperimentConfig};
use crate::end::End;
use crate::evaluation::mean;
use crate::flow::Flow;
use crate::observer::progress_bar;
use crate::precondition::cosine_axes;

/// Numbers that are held at once while a Gaussian is fitted or evaluated.
const CHUNK: i64 = 1 << 23;

/// Bits/dim of the flow and of a Gaussian fitted to the training images on the same dequantised test images,
/// [`Value::Null`] where none fits; all errors are over images.
pub(crate) fn evaluate(
    flow: &Flow,
    base: &End,
    images: &ImageParts,
    result: &mut Map<String, Value>,
) -> Result<()> {
    let space = flow.image_space()?;
    let n = flow.config.evaluation.n_test.min(images.test.n());
    let n_dequantise = i64::from(flow.config.evaluation.images().n_dequantise);
    let points = test_points(&space, &images.test, n, n_dequantise, flow.config.seed);
    let bar = progress_bar(points.size()[0] as u64, "test bits/dim");
    let (log_density, nfe) = flow.log_density(base, &points, 1.0, |n| bar.inc(n))?;
    bar.finish_and_clear();
    let bits = |log_density: Tensor| {
        let log_density = log_density.to_kind(Kind::Double).to_device(tch::Device::Cpu);
        let bits = bits_per_dim(&log_density, space.shape().dim(), space.n_levels);
        bits.view([n_dequantise, n]).mean_dim(0i64, false, Kind::Double)
    };
    let own = bits(log_density);
    result.insert("bits_per_dim".into(), mean(&own));
    let axes = gaussian_axes(&flow.config, &images.train);
    let x = points.narrow(1, space.n_given(), space.shape().dim());
    result.insert("gaussian_axes".into(), json!(axes));
    match gaussian(axes, &images.train, &x, flow.config.seed) {
        Ok(log_density) => {
            let gaussian = bits(log_density);
            result.insert("gaussian_bits_per_dim".into(), mean(&gaussian));
            result.insert("bits_per_dim_below_gaussian".into(), mean(&(gaussian - own)));
        }
        Err(error) => {
            crate::interrupt::check()?;
            tracing::warn!("no Gaussian to compare with: {error}");
            result.insert("gaussian_bits_per_dim".into(), Value::Null);
        }
    }
    result.insert("bits_per_dim_settings".into(), settings(flow));
    result.insert("n_train".into(), json!(images.train.n()));
    result.insert("n_test".into(), json!(n));
    result.insert("nfe".into(), json!(nfe));
    Ok(())
}

/// The points of `n` test images, all of them for each draw of the noise.
fn test_points(space: &ImageSpace, test: &Images, n: i64, n_dequantise: i64, seed: u64) -> Tensor {
    let (chosen, noise) = (spread(test.n(), n), test_noise(seed));
    let draws = (0..n_dequantise).map(|draw| space.points(test, &chosen, (draw * n) as u64, &noise));
    Tensor::cat(&draws.collect::<Vec<_>>(), 0)
}

/// How the likelihood was measured.
fn settings(flow: &Flow) -> Value {
    let evaluation = &flow.config.evaluation;
    let n_probes = match evaluation.divergence(flow.velocity.dim()) {
        DivergenceConfig::Exact {} => Value::Null,
        DivergenceConfig::Hutchinson { n_probes } => json!(n_probes),
    };
    let solver = &flow.config.solver;
    json!({
        "n_dequantise": evaluation.images().n_dequantise,
        "n_probes": n_probes,
        "method": solver.method,
        "steps": solver.steps,
        "rtol": solver.rtol,
        "atol": solver.atol,
    })
}

/// Which Gaussian to compare with: the one that the flow corrects, else that with full covariance; with fewer images
/// than dimensions, which leave it singular, that along cosines.
fn gaussian_axes(config: &ExperimentConfig, train: &Images) -> AxesKind {
    match config.precondition {
        Some(PreconditionConfig::Gaussian { axes: AxesKind::Cosine }) => AxesKind::Cosine,
        _ if train.n() <= train.shape().dim() => AxesKind::Cosine,
        _ => AxesKind::Principal,
    }
}

/// The log-density of the images `x`, `[N, C·H·W]`, under the Gaussian fitted to all training images, dequantised
/// once; it doesn't know of classes.
fn gaussian(axes: AxesKind, train: &Images, x: &Tensor, seed: u64) -> Result<Tensor> {
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

//! Samples beside training images, by the features of Inception: Fréchet (FID) and kernel distance (KID).

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use interflow_core::rng::{Purpose, Stream};
use interflow_data::{Images, atomic};
use interflow_metrics::{
    FeatureCollector, FeatureStatistics, Inception, KernelDistance, frechet_distance, kernel_distance,
};
use serde_json::{Value, json};
use tch::{Kind, Tensor};

use super::config::FidConfig;
use super::space::{ImageSpace, levels};
use crate::end::End;
use crate::flow::Flow;
use crate::interrupt;
use crate::observer::progress_bar;

/// Images that go through Inception together.
const BATCH: i64 = 64;
/// Images whose features are kept for the kernel distance.
const N_KEPT: i64 = 10_000;
/// Images in a subset of the kernel distance, at most, and subsets.
const SUBSET: i64 = 1000;
const N_SUBSETS: usize = 100;
/// Training images that tell one set from another.
const N_FINGERPRINT: i64 = 256;

/// The distances of `fid.n_samples` samples from the reference; null without weights. The reference's statistics are
/// kept in the folder `cache` unless the config names a file.
pub(crate) fn compare(
    flow: &Flow,
    base: &End,
    train: Option<&Images>,
    fid: &FidConfig,
    cache: &Path,
) -> Result<Value> {
    let Some(weights) = &fid.weights else { return Ok(Value::Null) };
    let features =
        Features { network: Inception::load(weights, flow.device)?, space: flow.image_space()?, flow };
    let reference = match (&fid.statistics, train) {
        (Some(file), _) => FeatureStatistics::read(file)?,
        (None, Some(train)) => features.of_training(train, &cache_file(cache, weights, train)?)?,
        (None, None) => anyhow::bail!("samples are compared with training images or with given statistics"),
    };
    let (samples, nfe) = features.of_samples(base, fid.n_samples)?;
    let kid = kid(flow.config.seed, &reference, &samples)?;
    Ok(json!({
        "fid": frechet_distance(&samples.moments, &reference.moments)?,
        "kid": kid,
        "n_samples": fid.n_samples,
        "n_reference": reference.n,
        "nfe": nfe,
    }))
}

/// The report's words on what was compared, or why nothing was.
pub(crate) fn section(fid: &Value) -> String {
    let text = if fid.is_null() {
        "Not measured: that takes the weights of Inception (`--inception FILE` or `evaluation.fid.weights`), which \
         this program cannot bring along.\n"
    } else {
        "Between samples and training images (or the statistics that the config names), by the 2048 features `pool3` \
         of Inception of 2015-12-05, at 299×299 pixels. Distances depend on the number of samples: compare like with \
         like.\n"
    };
    format!("\n## Fréchet inception distance\n\n{text}")
}

/// The kernel distance, where the reference's features are known.
fn kid(seed: u64, reference: &FeatureStatistics, samples: &FeatureStatistics) -> Result<Value> {
    let (Some(reference), Some(samples)) = (&reference.first, &samples.first) else { return Ok(Value::Null) };
    let n = SUBSET.min(reference.size()[0]).min(samples.size()[0]);
    let mut draw = Stream::new(seed, Purpose::Resample).at(0);
    let KernelDistance { mean, deviation } = kernel_distance(samples, reference, (n, N_SUBSETS), &mut draw)?;
    Ok(json!({ "value": mean, "deviation_of_subsets": deviation, "n_subset": n, "n_subsets": N_SUBSETS }))
}

/// Inception on images of a flow.
struct Features<'a> {
    network: Inception,
    space: ImageSpace,
    flow: &'a Flow,
}

impl Features<'_> {
    /// Features of pixels `[B, C·H·W]` as levels.
    fn of(&self, pixels: &Tensor) -> Result<Tensor> {
        let shape = self.space.shape();
        let top = (self.space.n_levels - 1) as f64;
        let x = pixels.to_device(self.flow.device).to_kind(Kind::Float) * (2.0 / top) - 1.0;
        Ok(self.network.features(&x.view([-1, shape.channels, shape.height, shape.width]))?)
    }

    /// Statistics of `n` samples, as they would be saved as pictures, and the calls that a batch took.
    fn of_samples(&self, base: &End, n: i64) -> Result<(FeatureStatistics, u64)> {
        let bar = progress_bar(n as u64, "FID samples");
        let mut collector = FeatureCollector::keeping(N_KEPT);
        let batch = self.flow.config.evaluation.batch.max(BATCH);
        let mut nfe = 0;
        for first in (0..n).step_by(batch as usize) {
            let x0 = self.space.base_points(&self.flow.config, base, first as u64, batch.min(n - first))?;
            let (x, calls) = self.flow.carry(&x0, 0.0, 1.0, |n| bar.inc(n))?;
            nfe = nfe.max(calls);
            for pixels in self.space.pixels(&x).split(BATCH, 0) {
                collector.add(&self.of(&pixels)?)?;
            }
        }
        bar.finish_and_clear();
        Ok((collector.finish()?, nfe))
    }

    /// Statistics of the training images, from `file` or into it.
    fn of_training(&self, train: &Images, file: &Path) -> Result<FeatureStatistics> {
        if file.is_file() {
            match FeatureStatistics::read(file) {
                Ok(statistics) => return Ok(statistics),
                Err(error) => tracing::warn!("made anew: {error}"),
            }
        }
        let bar = progress_bar(train.n() as u64, "FID reference");
        let mut collector = FeatureCollector::keeping(N_KEPT);
        // In no order, so that those kept are like all others.
        let order = Stream::new(0, Purpose::Shuffle).at(0).permutation(train.n() as usize);
        let order: Vec<i64> = order.into_iter().map(i64::from).collect();
        for numbers in order.chunks(BATCH as usize) {
            interrupt::check()?;
            collector.add(&self.of(&train.pixels_of(numbers))?)?;
            bar.inc(numbers.len() as u64);
        }
        bar.finish_and_clear();
        let statistics = collector.finish()?;
        if let Err(error) = atomic::write(file, &statistics.to_bytes()?) {
            tracing::warn!("the reference's features are not kept in {}: {error}", file.display());
        }
        Ok(statistics)
    }
}

/// Where the statistics of training images under certain weights are kept.
fn cache_file(folder: &Path, weights: &Path, train: &Images) -> Result<PathBuf> {
    let weights = std::fs::read(weights)
        .with_context(|| format!("cannot read the weights of Inception: {}", weights.display()))?;
    let some = train.pixels_of(&super::space::spread(train.n(), N_FINGERPRINT));
    let set = crc32c::crc32c_append(train.n() as u32, &levels(&some)?);
    Ok(folder.join(format!("fid-{set:08x}-{:08x}.safetensors", crc32c::crc32c(&weights))))
}

//! Samples compared with training images by the features of the Inception network: Fréchet (FID) and kernel distance
//! (KID).

use std::path::{Path, PathBuf};

use interflow_core::atomic;
use interflow_core::rng::{Purpose, Stream};
use interflow_data::{Images, npz};
use interflow_libtorch::{ProcessGroup, Share};
use interflow_metrics::{
    FeatureCollector, FeatureStatistics, Inception, KernelDistance, frechet_distance, kernel_distance,
};
use serde_json::{Value, json};
use tch::{Kind, Tensor};

use super::space::{ImageSpace, spread};
use crate::config::FidConfig;
use crate::engine::Engine;
use crate::error::{Result, io_error, refuse};

/// Images that go through Inception together.
const BATCH: i64 = 64;
/// Images whose features are kept for the kernel distance.
const N_KEPT: i64 = 10_000;
/// Images in a subset of the kernel distance, at most, and subsets.
const SUBSET: i64 = 1000;
const N_SUBSETS: usize = 100;
/// Training images that tell one set from another.
const N_FINGERPRINT: i64 = 256;

/// The FID and KID between `fid.n_samples` samples and the reference, as JSON; null without weights of Inception. The
/// reference are the statistics `fid.statistics` or else the images `train`, whose statistics are then kept in the
/// folder `cache`.
///
/// # Errors
/// If a file cannot be used, there is no reference, a solver fails, or the work is cancelled.
pub fn compare(engine: &Engine, train: Option<&Images>, fid: &FidConfig, cache: &Path) -> Result<Value> {
    let Some(weights) = &fid.weights else { return Ok(Value::Null) };
    // First, since it is the quickest to be found wrong.
    let given = fid.statistics.as_deref().map(published).transpose()?;
    let network = Inception::load(weights, engine.device())?;
    let features = Features { network, space: ImageSpace::of(engine.manifest())?, engine };
    let reference = match (given, train) {
        (Some(statistics), _) => statistics,
        (None, Some(train)) => {
            let file = cache_file(cache, weights, features.fingerprint(train)?)?;
            engine.work().in_turn(|| features.of_training(train, &file))?
        }
        (None, None) => return refuse("samples are compared with training images or with given statistics"),
    };
    let (samples, nfe) = features.of_samples(fid.n_samples)?;
    let kid = kid(engine.seed(), &reference, &samples)?;
    Ok(json!({
        "fid": frechet_distance(&samples.moments, &reference.moments)?,
        "kid": kid,
        "n_samples": fid.n_samples,
        "n_reference": reference.n,
        "nfe": nfe,
    }))
}

/// Given statistics of the features of Inception: an archive with arrays `mu` and `sigma`, as others publish them, or a
/// file of our own.
fn published(file: &Path) -> Result<FeatureStatistics> {
    let statistics = if file.extension().is_some_and(|ending| ending == "npz") {
        let arrays = npz::arrays(file, &["mu", "sigma"])?;
        FeatureStatistics::published(file, &arrays[0], &arrays[1])?
    } else {
        FeatureStatistics::read(file)?
    };
    let found = statistics.moments.mean.numel() as i64;
    if found == Inception::N_FEATURES {
        return Ok(statistics);
    }
    let expected = Inception::N_FEATURES;
    refuse(format!("{}: expected statistics of {expected} features, found: {found}", file.display()))
}

/// The kernel distance, null unless the reference's features are known.
fn kid(seed: u64, reference: &FeatureStatistics, samples: &FeatureStatistics) -> Result<Value> {
    let (Some(reference), Some(samples)) = (&reference.first, &samples.first) else { return Ok(Value::Null) };
    let n = SUBSET.min(reference.size()[0]).min(samples.size()[0]);
    let mut draw = Stream::new(seed, Purpose::Resample).at(0);
    let KernelDistance { mean, deviation } = kernel_distance(samples, reference, n, N_SUBSETS, &mut draw)?;
    Ok(json!({ "value": mean, "deviation_of_subsets": deviation, "n_subset": n, "n_subsets": N_SUBSETS }))
}

/// Inception on images of a flow.
struct Features<'a> {
    network: Inception,
    space: ImageSpace,
    engine: &'a Engine,
}

impl Features<'_> {
    /// Features of pixels `[B, C·H·W]` as levels.
    fn of(&self, pixels: &Tensor) -> Result<Tensor> {
        let shape = self.space.shape();
        let top = (self.space.n_levels() - 1) as f64;
        let x = pixels.to_device(self.engine.device()).to_kind(Kind::Float) * (2.0 / top) - 1.0;
        Ok(self.network.features(&x.view([-1, shape.channels, shape.height, shape.width]))?)
    }

    /// Statistics of `n` samples, as they would be saved as pictures, and the calls that a batch took.
    fn of_samples(&self, n: i64) -> Result<(FeatureStatistics, u64)> {
        let task = self.engine.work().begin("FID samples", n.unsigned_abs());
        let group = self.engine.work().group();
        let share = group.map_or(Share::WHOLE, ProcessGroup::share);
        let mut collector = FeatureCollector::keeping(N_KEPT / share.size());
        let batch = share.size() * self.engine.manifest().batch.max(BATCH);
        let mut nfe = 0;
        for first in (0..n).step_by(batch as usize) {
            let x0 = self.space.base_points(self.engine, first as u64, batch.min(n - first))?;
            let found = self.engine.carry(&x0, 0.0, 1.0, &task)?;
            nfe = nfe.max(found.nfe);
            // Of what all processes have, each looks at its own.
            let rows = share.rows(found.rows.size()[0]);
            let own = found.rows.narrow(0, rows.start, rows.end - rows.start);
            for pixels in self.space.pixels(&own).split(BATCH, 0).iter().filter(|pixels| pixels.numel() > 0) {
                collector.add(&self.of(pixels)?)?;
            }
        }
        let all = match group {
            Some(group) => collector.pooled(Inception::N_FEATURES, group)?,
            None => collector,
        };
        Ok((all.finish()?, nfe))
    }

    /// Statistics of the training images, from `file` or into it.
    fn of_training(&self, train: &Images, file: &Path) -> Result<FeatureStatistics> {
        if file.is_file() {
            match FeatureStatistics::read(file) {
                Ok(statistics) => return Ok(statistics),
                Err(error) => tracing::warn!("made anew: {error}"),
            }
        }
        let task = self.engine.work().begin("FID reference", train.n().unsigned_abs());
        let mut collector = FeatureCollector::keeping(N_KEPT);
        // In no order, so that those kept are like all others.
        let order = Stream::new(0, Purpose::Shuffle).at(0).permutation(train.n() as usize);
        let order: Vec<i64> = order.into_iter().map(i64::from).collect();
        for numbers in order.chunks(BATCH as usize) {
            task.check()?;
            collector.add(&self.of(&train.pixels_of(numbers))?)?;
            task.advance(numbers.len() as u64);
        }
        let statistics = collector.finish()?;
        if let Err(error) = atomic::write(file, &statistics.to_bytes()?) {
            tracing::warn!("the reference's features are not kept in {}: {error}", file.display());
        }
        Ok(statistics)
    }

    /// What tells this set of training images from another.
    fn fingerprint(&self, train: &Images) -> Result<u32> {
        let some = train.pixels_of(&spread(train.n(), N_FINGERPRINT));
        Ok(crc32c::crc32c_append(train.n() as u32, &self.space.levels(&some)?))
    }
}

/// Where the statistics of training images with this fingerprint under certain weights are kept.
fn cache_file(folder: &Path, weights: &Path, set: u32) -> Result<PathBuf> {
    let weights = std::fs::read(weights).map_err(io_error("read the weights of Inception", weights))?;
    Ok(folder.join(format!("fid-{set:08x}-{:08x}.safetensors", crc32c::crc32c(&weights))))
}

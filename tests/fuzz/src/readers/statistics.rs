//! Statistics of features, by which samples of images are judged.

use std::path::Path;

use anyhow::Result;
use interflow_core::rng::Stream;
use interflow_data::npz;
use interflow_metrics::{FeatureCollector, FeatureStatistics, frechet_distance};
use tch::Kind;

use super::{archive, npy, put};
use crate::reader::Reader;

/// Statistics as pytorch-fid writes them; an array is damaged inside of a whole archive.
pub(crate) const NPZ: Reader = Reader { name: "statistics-npz", whole: arrays, read: read_npz };

/// Statistics as this program keeps them.
pub(crate) const SAFETENSORS: Reader =
    Reader { name: "statistics", whole: safetensors, read: read_safetensors };

/// Three means, or as many variances on a diagonal.
fn arrays() -> Result<Vec<Vec<u8>>> {
    let doubles = |values: &[f64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
    let sigma = [1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.5];
    Ok(vec![npy("'<f8'", "(3,)", &doubles(&[0.5, -1.0, 2.0])), npy("'<f8'", "(3, 3)", &doubles(&sigma))])
}

fn read_npz(input: &[u8], folder: &Path) -> Result<()> {
    let whole = arrays()?;
    let sigma_damaged = input.windows(7).any(|bytes| bytes == b"(3, 3),");
    let members = if sigma_damaged {
        [("mu.npy", &whole[0][..]), ("sigma.npy", input)]
    } else {
        [("mu.npy", input), ("sigma.npy", &whole[1])]
    };
    let file = put(folder, "statistics.npz", &archive(&members)?)?;
    let arrays = npz::arrays(&file, &["mu", "sigma"])?;
    compare(&FeatureStatistics::published(&file, &arrays[0], &arrays[1])?)
}

fn safetensors() -> Result<Vec<Vec<u8>>> {
    let mut collector = FeatureCollector::keeping(4);
    collector.add(&Stream::named(0, "features").at(0).normal(&[6, 3], Kind::Float))?;
    Ok(vec![collector.finish()?.to_bytes()?])
}

fn read_safetensors(input: &[u8], folder: &Path) -> Result<()> {
    compare(&FeatureStatistics::read(&put(folder, "statistics.safetensors", input)?)?)
}

/// What statistics are read for.
fn compare(found: &FeatureStatistics) -> Result<()> {
    frechet_distance(&found.moments, &found.moments)?;
    Ok(())
}

//! The images of a set that are nearest to given images.

use interflow_data::Images;
use tch::{Kind, Tensor};

use crate::error::{Result, refuse, torch};
use crate::work::Task;

/// Numbers that are held at once.
const CHUNK: i64 = 1 << 23;

/// The nearest images of a set for each of N queries.
#[derive(Debug)]
pub struct Nearest {
    /// For each query, the numbers of its nearest images, the nearest first.
    pub numbers: Vec<Vec<i64>>,
    /// For each query, the root mean square difference of a pixel from its nearest image, in levels, `[N]`.
    pub distance: Tensor,
}

/// Finds the `k` images of `set` that are nearest, in Euclidean distance, to each of the images `queries`,
/// `[N, C·H·W]` in levels. `task` counts the images that were searched.
///
/// # Errors
/// [`crate::Error::Refused`] for queries of another size or `k` < 1, [`crate::Error::Cancelled`] if the work is
/// stopped.
pub fn nearest(set: &Images, queries: &Tensor, k: i64, task: &Task) -> Result<Nearest> {
    let (dim, size) = (set.shape().dim(), queries.size());
    if !matches!(size[..], [_, found] if found == dim) || k < 1 {
        return refuse(format!(
            "nearest images need k of at least 1 and queries [N, {dim}], found: {k}, {size:?}"
        ));
    }
    let queries = queries.to_kind(Kind::Float);
    let chunk = (CHUNK / dim).max(1);
    let k = k.min(set.n());
    let mut best: Option<(Tensor, Tensor)> = None;
    for first in (0..set.n()).step_by(chunk as usize) {
        task.check()?;
        let pixels = set.pixels(first, chunk.min(set.n() - first)).to_kind(Kind::Float);
        let distances = Tensor::cdist(&queries, &pixels, 2.0, None::<i64>);
        let (found, places) = distances.topk(k.min(pixels.size()[0]), 1, false, true);
        let found = (found, places + first);
        best = Some(match best {
            None => found,
            Some(old) => nearer(&old, &found, k),
        });
        task.advance(pixels.size()[0] as u64);
    }
    let Some((distances, numbers)) = best else {
        return refuse("there are no training images to search");
    };
    let numbers = (0..numbers.size()[0])
        .map(|row| Vec::<i64>::try_from(&numbers.select(0, row).contiguous()))
        .collect::<std::result::Result<_, _>>()
        .map_err(torch("reading the nearest images"))?;
    let distance = distances.select(1, 0) / (dim as f64).sqrt();
    Ok(Nearest { numbers, distance })
}

/// The `k` nearest of two sets of distances and numbers, each `[N, K]`.
fn nearer(a: &(Tensor, Tensor), b: &(Tensor, Tensor), k: i64) -> (Tensor, Tensor) {
    let (all, numbers) = (Tensor::cat(&[&a.0, &b.0], 1), Tensor::cat(&[&a.1, &b.1], 1));
    let (kept, places) = all.topk(k.min(all.size()[1]), 1, false, true);
    (kept, numbers.gather(1, &places, false))
}

//! The training images nearest to given ones.

use anyhow::Result;
use interflow_data::Images;
use tch::{Kind, Tensor};

/// Numbers that are held at once.
const CHUNK: i64 = 1 << 23;

/// The nearest images of a set.
pub(super) struct Nearest {
    /// Their numbers, nearest first, for each query.
    pub(super) numbers: Vec<Vec<i64>>,
    /// The root mean square difference of a pixel, in levels, of each query from its nearest image, `[N]`.
    pub(super) distance: Tensor,
}

/// The `k` images of `set` nearest to each of the pixels `queries`, `[N, C·H·W]`, in the Euclidean distance.
pub(super) fn nearest(set: &Images, queries: &Tensor, k: i64) -> Result<Nearest> {
    let queries = queries.to_kind(Kind::Float);
    let dim = queries.size()[1];
    let chunk = (CHUNK / dim).max(1);
    let k = k.min(set.n());
    let mut best: Option<(Tensor, Tensor)> = None;
    for first in (0..set.n()).step_by(chunk as usize) {
        crate::interrupt::check()?;
        let pixels = set.pixels(first, chunk.min(set.n() - first)).to_kind(Kind::Float);
        let distances = Tensor::cdist(&queries, &pixels, 2.0, None::<i64>);
        let (found, places) = distances.topk(k.min(pixels.size()[0]), 1, false, true);
        let numbers = places + first;
        best = Some(match best {
            None => (found, numbers),
            Some((old, old_numbers)) => {
                let (all, all_numbers) =
                    (Tensor::cat(&[old, found], 1), Tensor::cat(&[old_numbers, numbers], 1));
                let (kept, places) = all.topk(k.min(all.size()[1]), 1, false, true);
                (kept, all_numbers.gather(1, &places, false))
            }
        });
    }
    let Some((distances, numbers)) = best else {
        anyhow::bail!("there are no training images to search");
    };
    let numbers = (0..numbers.size()[0])
        .map(|row| Ok(Vec::<i64>::try_from(&numbers.select(0, row).contiguous())?))
        .collect::<Result<_>>()?;
    let distance = distances.select(1, 0) / (dim as f64).sqrt();
    Ok(Nearest { numbers, distance })
}

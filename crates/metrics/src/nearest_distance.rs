//! Distances from points to the nearest of another set.

use interflow_core::shape::check_points;
use tch::{Device, Kind, Tensor};

use crate::Result;

/// Points that are compared with all others at once.
const BLOCK: i64 = 256;

/// The Euclidean distance from each of `x`, `[N, D]`, to the nearest of `others`, `[M, D]`, as `[N]`.
///
/// # Errors
/// A shape that does not fit.
pub fn nearest_distance(x: &Tensor, others: &Tensor) -> Result<Tensor> {
    let dim = others.size().get(1).copied().unwrap_or(0);
    check_points("the nearest distance", others, dim)?;
    check_points("the nearest distance", x, dim)?;
    let double = |x: &Tensor| x.to_device(Device::Cpu).to_kind(Kind::Double);
    let (x, others) = (double(x), double(others));
    let block = |x: Tensor| Tensor::cdist(&x, &others, 2.0, None::<i64>).amin(1i64, false);
    let blocks: Vec<Tensor> = x.split(BLOCK, 0).into_iter().map(block).collect();
    Ok(Tensor::cat(&blocks, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_found() {
        let x = Tensor::from_slice(&[0.0, 0.0, 10.0, 0.0, 3.0, 4.0]).view([3, 2]);
        let others = Tensor::from_slice(&[0.0, 1.0, 9.0, 0.0]).view([2, 2]);
        let found = Vec::<f64>::try_from(nearest_distance(&x, &others).unwrap()).unwrap();
        let expected = [1.0, 1.0, 18f64.sqrt()];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
    }
}

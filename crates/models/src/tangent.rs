//! Forward tangents: derivatives of a network's output along directions of its state.
//!
//! For the exact divergence all D unit directions travel together, `[D, B, H]`. Their first-layer tangents are
//! columns of the weights, and of the output layer only the diagonal is contracted, so that neither end costs
//! a full product; rows are taken in chunks whose tangents fit the cache, or fill a GPU.

use interflow_core::Given;
use tch::{Device, Tensor};

use crate::layer::Layer;

/// Numbers in a chunk's block of tangents on the CPU: 2 MB in single precision, the size of a core's second-level cache
/// with some room.
const BLOCK: i64 = 1 << 19;
/// The same on a GPU, which small products leave idle: 512 MB.
const BLOCK_OF_GPU: i64 = 1 << 27;

/// The value `[B, D]` and the divergence `[B]` of a network whose widest layer is `widest`, by `chunk` on parts
/// of the rows.
pub(crate) fn in_chunks(
    widest: i64,
    t: &Tensor,
    x: &Tensor,
    given: &Given,
    chunk: impl Fn(&Tensor, &Tensor, &Given) -> (Tensor, Tensor),
) -> (Tensor, Tensor) {
    let block = if x.device() == Device::Cpu { BLOCK } else { BLOCK_OF_GPU };
    let rows = (block / (x.size()[1] * widest)).max(1);
    let parts = (0..).step_by(rows as usize).zip(t.split(rows, 0).into_iter().zip(x.split(rows, 0)));
    let (values, divergences): (Vec<_>, Vec<_>) =
        parts.map(|(first, (t, x))| chunk(&t, &x, &given.narrow(first, x.size()[0]))).unzip();
    (Tensor::cat(&values, 0), Tensor::cat(&divergences, 0))
}

/// The divergence `[B]`, the diagonal of the Jacobian summed, from the tangents `[D, B, H]` before the last activation and
/// its slopes `[B, H]`. Tangents that are the same for all rows may be `[D, 1, H]`.
pub(crate) fn contract(output: &Layer, tangents: &Tensor, slope: &Tensor) -> Tensor {
    // Over the directions first: the slopes are the same for all of them.
    let summed = (tangents * output.weight.unsqueeze(1)).sum_dim_intlist(0i64, false, tangents.kind());
    (summed * slope).sum_dim_intlist(1i64, false, tangents.kind())
}

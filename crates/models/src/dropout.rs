//! What training drops at random.

use interflow_core::rng::Draw;
use interflow_libtorch as libtorch;
use tch::Tensor;

use crate::layer::taken;

/// Drops numbers of hidden layers in training, and nothing in use.
pub(crate) enum Dropout<'a> {
    /// In use.
    Off,
    /// In training.
    On(&'a mut Draw),
}

impl Dropout<'_> {
    /// `h` with a share of its numbers set to zero and the others enlarged to keep the mean.
    pub(crate) fn numbers(&mut self, h: Tensor, share: f64) -> Tensor {
        match self {
            Self::On(draw) if share > 0.0 => {
                let kept = taken(libtorch::mask(&h, 1.0 - share, draw.bits()));
                h * (kept / (1.0 - share))
            }
            _ => h,
        }
    }
}

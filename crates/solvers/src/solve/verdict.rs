//! The steps that are tried, and what came of them.

use tch::{Device, Kind, Tensor};

/// The steps to try; every tensor is `[n]`.
pub(crate) struct Plan {
    /// The signed lengths, f64.
    pub(crate) h: Tensor,
    /// The times of the steps' ends, f64.
    pub(crate) end: Tensor,
    /// Whether the step ends where the interval ends.
    pub(crate) last: Tensor,
}

/// What came of the steps; every mask is `[n]`.
pub(crate) struct Verdict {
    /// The step is taken.
    pub(crate) accepted: Tensor,
    /// The step is taken and ends where the interval ends.
    pub(crate) done: Tensor,
    /// A number is not finite.
    pub(crate) broken: Tensor,
    /// The next step would be below the resolution of time.
    pub(crate) stuck: Tensor,
    /// The steps are used up before the end.
    pub(crate) spent: Tensor,
}

/// How many rows each mask of a [`Verdict`] has.
pub(crate) struct Counts {
    pub(crate) accepted: i64,
    pub(crate) done: i64,
    pub(crate) broken: i64,
    pub(crate) stuck: i64,
    pub(crate) spent: i64,
}

impl Verdict {
    /// Counts the masks in one transfer, the only one of most steps.
    pub(crate) fn counts(&self) -> Counts {
        let masks = [&self.accepted, &self.done, &self.broken, &self.stuck, &self.spent];
        let sums = Tensor::stack(&masks, 0).sum_dim_intlist(1i64, false, Kind::Int64).to_device(Device::Cpu);
        let at = |i| sums.int64_value(&[i]);
        Counts { accepted: at(0), done: at(1), broken: at(2), stuck: at(3), spent: at(4) }
    }
}

/// The numbers of the `n` set rows of a mask, `[n]`, which the host does not have to wait for as it knows how many they are.
pub(crate) fn set_rows(mask: &Tensor, n: i64) -> Tensor {
    mask.nonzero_static(n, 0).squeeze_dim(1)
}

//! The steps that are tried, and what came of them.

use tch::{Device, Kind, Tensor};

use crate::error::Result;

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
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) accepted: i64,
    pub(crate) done: i64,
    pub(crate) broken: i64,
    pub(crate) stuck: i64,
    pub(crate) spent: i64,
}

impl Verdict {
    /// Counts the masks in one transfer, the only one of most steps.
    pub(crate) fn counts(&self) -> Result<Counts> {
        let masks = [&self.accepted, &self.done, &self.broken, &self.stuck, &self.spent];
        let sums = host(&Tensor::stack(&masks, 0).sum_dim_intlist(1i64, false, Kind::Int64))?;
        let &[accepted, done, broken, stuck, spent] = sums.as_slice() else { return Ok(Counts::default()) };
        Ok(Counts { accepted, done, broken, stuck, spent })
    }
}

/// Integers on the host.
pub(crate) fn host(numbers: &Tensor) -> Result<Vec<i64>> {
    Vec::try_from(numbers.to_kind(Kind::Int64).to_device(Device::Cpu)).map_err(|source| {
        interflow_core::Error::Torch { operation: "reading numbers of rows", source }.into()
    })
}

/// The numbers of the `n` set rows of a mask, `[n]`, which the host does not have to wait for as it knows how many they are.
pub(crate) fn set_rows(mask: &Tensor, n: i64) -> Tensor {
    mask.nonzero_static(n, 0).squeeze_dim(1)
}

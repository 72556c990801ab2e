//! The part of a batch that the host makes.

use interflow_core::Given;
use interflow_libtorch::{pinned, upload};
use tch::{Device, Kind, Tensor};

use crate::error::Result;
use crate::rows::Rows;

/// What the points of a batch lie between: times, ends and latents, on the CPU until they are placed.
#[derive(Debug)]
pub(crate) struct HostBatch {
    /// The times, `[B]`.
    pub(crate) t: Tensor,
    /// The ends at time 0, `[B, D]`.
    pub(crate) x0: Tensor,
    /// The ends at time 1, `[B, D]`.
    pub(crate) x1: Tensor,
    /// What the points are given, B rows.
    pub(crate) given: Given,
    /// The latents z, `[B, D]`, where the path has them.
    pub(crate) z: Option<Tensor>,
    /// Which of the step's rows these are.
    pub(crate) rows: Rows,
}

impl HostBatch {
    /// The same numbers in a kind and in memory that a GPU reads by itself.
    pub(crate) fn pinned(self, kind: Kind) -> Result<Self> {
        self.of_kind(kind).moved(|x| Ok(pinned(x)?))
    }

    /// The same numbers in a kind on a device.
    pub(crate) fn place(self, (kind, device): (Kind, Device)) -> Result<Self> {
        self.of_kind(kind).moved(|x| Ok(upload(x, device)?))
    }

    /// Every pair with the latent and with the opposite one, one copy of all below the other.
    pub(crate) fn antithetic(self) -> Self {
        let twice = |x: Tensor| Tensor::cat(&[&x, &x], 0);
        Self {
            t: twice(self.t),
            x0: twice(self.x0),
            x1: twice(self.x1),
            given: self.given.twice(),
            z: self.z.map(|z| Tensor::cat(&[&z, &z.neg()], 0)),
            rows: self.rows.antithetic(),
        }
    }

    fn of_kind(self, kind: Kind) -> Self {
        let of_kind = |x: Tensor| x.to_kind(kind);
        Self {
            t: of_kind(self.t),
            x0: of_kind(self.x0),
            x1: of_kind(self.x1),
            given: match self.given {
                Given::Numbers(numbers) => Given::Numbers(of_kind(numbers)),
                other => other,
            },
            z: self.z.map(of_kind),
            rows: self.rows,
        }
    }

    fn moved(self, to: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Self> {
        Ok(Self {
            t: to(&self.t)?,
            x0: to(&self.x0)?,
            x1: to(&self.x1)?,
            given: match &self.given {
                Given::Nothing => Given::Nothing,
                Given::Numbers(numbers) => Given::Numbers(to(numbers)?),
                Given::Class(class) => Given::Class(to(class)?),
            },
            z: self.z.as_ref().map(to).transpose()?,
            rows: self.rows,
        })
    }
}

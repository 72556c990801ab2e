//! One batch on the path: times, points, path derivatives, and the end points between which the paths run.

use interflow_core::{Given, Network};
use tch::Tensor;

use crate::error::Result;
use crate::rows::Rows;

/// Numbers of states that go through the network at once: a network on images keeps a hundred times as many.
const NUMBERS: i64 = 1 << 18;

/// Points on paths, with the end points of the paths. With antithetic latents the second half of the rows repeats the
/// end points of the first half, with the latents −z.
#[derive(Debug)]
#[non_exhaustive]
pub struct Batch {
    /// The times, `[B]`.
    pub t: Tensor,
    /// The points `x_t`, `[B, D]`.
    pub x: Tensor,
    /// Their path derivatives `ẋ_t`, `[B, D]`.
    pub path_derivative: Tensor,
    /// The conditions of the points, B rows.
    pub given: Given,
    /// The latents z, `[B, D]`, if the interpolant has them.
    pub latent: Option<Tensor>,
    /// The base points x0, `[B, D]`, at time 0.
    pub x0: Tensor,
    /// The target points x1, `[B, D]`, at time 1.
    pub x1: Tensor,
    /// How many rows are independent of each other: row r and row `r + n_independent`, if there is one, have the same
    /// end points and latents of opposite sign.
    pub n_independent: i64,
    /// Which of the step's rows these are.
    pub(crate) rows: Rows,
}

impl Batch {
    /// The value of `network` on the batch, `[B, D]`, in as many calls as keep the memory small. It is for checks,
    /// where no gradient is recorded.
    pub fn value_of(&self, network: &dyn Network) -> Tensor {
        let rows = (NUMBERS / network.space().dim).max(1);
        let parts = self.t.split(rows, 0).into_iter().zip(self.x.split(rows, 0)).enumerate();
        let values = parts.map(|(part, (t, x))| {
            let given = self.given.narrow(part as i64 * rows, t.size()[0]);
            network.value(&t, &x, &given)
        });
        Tensor::cat(&values.collect::<Vec<Tensor>>(), 0)
    }

    /// The latents z, `[B, D]`, for an objective that needs them.
    ///
    /// # Errors
    /// [`interflow_core::Error::Interpolant`] for a batch on a path without a latent.
    pub fn latent(&self) -> Result<&Tensor> {
        let (operation, requirement) = ("a batch's latents", "a path with a latent");
        Ok(self.latent.as_ref().ok_or(interflow_core::Error::Interpolant { operation, requirement })?)
    }

    /// The same rows in `n` parts of as many rows each, which count as independent.
    pub(crate) fn parts(&self, n: i64) -> Vec<Self> {
        let rows = |x: &Tensor| x.chunk(n, 0).into_iter();
        let (mut x, mut derivative) = (rows(&self.x), rows(&self.path_derivative));
        let (mut x0, mut x1) = (rows(&self.x0), rows(&self.x1));
        let mut latent = self.latent.as_ref().map(rows);
        let given = self.given.chunk(n).into_iter();
        let mut first = 0;
        let part = |(t, given): (Tensor, Given)| {
            let n = t.size()[0];
            let place = self.rows.narrow(first, n);
            first += n;
            Some(Self {
                n_independent: n,
                rows: place,
                t,
                x: x.next()?,
                path_derivative: derivative.next()?,
                given,
                latent: latent.as_mut().and_then(Iterator::next),
                x0: x0.next()?,
                x1: x1.next()?,
            })
        };
        rows(&self.t).zip(given).map_while(part).collect()
    }
}

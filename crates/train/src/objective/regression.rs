//! The objective `G(f) = E[|f|² − 2 y·f]` of one field on held-out data, with the value that it must have at its
//! minimum.

use interflow_metrics::Estimate;
use tch::{Device, Kind, Tensor};

use crate::batch::Batch;
use crate::self_check::{Balance, TermCheck};

/// Accumulates `G(f) = E[|f|² − 2 y·f]`, whose minimiser is `f = E[y | x_t = x]`, batch by batch and in double
/// precision.
#[derive(Debug)]
pub struct Regression {
    name: &'static str,
    /// `|f|² − 2 y·f` of each pair.
    objective: Vec<Tensor>,
    /// `|f|²` of each pair.
    square: Vec<Tensor>,
}

impl Regression {
    /// A term of this name, without data yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, objective: Vec::new(), square: Vec::new() }
    }

    /// Adds the field's values f, `value`, and the values y that they predict, `target`, both `[B, D]`, on the rows
    /// of `batch`. Rows that depend on each other count as one, by their mean.
    pub fn add(&mut self, value: &Tensor, target: &Tensor, batch: &Batch) {
        let per_pair = |x: Tensor| {
            let sums = x.sum_dim_intlist(1i64, false, Kind::Double).to_device(Device::Cpu);
            sums.view([-1, batch.n_independent]).mean_dim(0i64, false, Kind::Double)
        };
        self.objective.push(per_pair((value - target * 2.0) * value));
        self.square.push(per_pair(value.square()));
    }

    /// The term on all data that were added.
    pub fn check(&self) -> TermCheck {
        let (objective, square) = (Tensor::cat(&self.objective, 0), Tensor::cat(&self.square, 0));
        let gap = Estimate::from_values(&(&objective + &square));
        let balance = Balance { gap, minus_square: Estimate::from_values(&square.neg()) };
        TermCheck { name: self.name, objective: Estimate::from_values(&objective), balance: Some(balance) }
    }
}

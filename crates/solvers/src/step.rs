//! One Runge–Kutta step of a batch in which every row has its own time and step: the one stepping function of fixed,
//! adaptive and stochastic solves. It never accepts or rejects.

use std::cell::Cell;

use tch::Tensor;

use crate::error::Result;
use crate::tableau::Tableau;
use crate::term::{Term, check_value};

/// How a weighted stage is added to a sum.
#[derive(Clone, Copy)]
pub(crate) enum Sum {
    /// By one kernel, which may round once.
    Fused,
    /// The product first: the stochastic equation's samples are what they are since its first version by this rounding.
    Separate,
}

/// Where a step starts from, and its length as a column, `[n, 1]`.
pub(crate) struct Base<'a> {
    pub(crate) y: &'a Tensor,
    pub(crate) h: &'a Tensor,
    pub(crate) sum: Sum,
}

impl Base<'_> {
    /// `y + h Σ w_j k_j`.
    pub(crate) fn combine(&self, weights: &[f64], stages: &[Tensor]) -> Tensor {
        let parts = weights.iter().zip(stages).filter(|(w, _)| w.abs() > 0.0);
        parts.fold(self.y.shallow_clone(), |sum, (w, k)| match self.sum {
            Sum::Fused => sum.addcmul(k, &(self.h * *w)),
            Sum::Separate => sum + k * (self.h * *w),
        })
    }

    /// The first `n` stages, of which `stages` has some already; `rate` gives that of a number at a state.
    pub(crate) fn stages(
        &self,
        tableau: &Tableau,
        n: usize,
        mut stages: Vec<Tensor>,
        rate: &mut dyn FnMut(usize, Tensor) -> Result<Tensor>,
    ) -> Result<Vec<Tensor>> {
        for i in stages.len()..n {
            let at = self.combine(tableau.row(i), &stages);
            stages.push(rate(i, at)?);
        }
        Ok(stages)
    }
}

/// Where a batch stands before a step.
pub(crate) struct Start<'a> {
    /// Times, `[n]`, f64.
    pub(crate) t: &'a Tensor,
    /// Signed steps, `[n]`, f64.
    pub(crate) h: &'a Tensor,
    /// States, `[n, W]`.
    pub(crate) y: &'a Tensor,
}

impl Start<'_> {
    /// The steps as a column of the states' kind.
    pub(crate) fn column(&self) -> Tensor {
        self.h.to_kind(self.y.kind()).unsqueeze(1)
    }

    /// The time of a stage, `[n]`.
    fn time(&self, c: f64) -> Tensor {
        self.t + self.h * c
    }
}

/// What a step gives.
pub(crate) struct Attempt {
    /// The states at the step's end.
    pub(crate) y: Tensor,
    /// All stages; for a method whose last stage is the next one's first, the last is the rate at the step's end.
    pub(crate) stages: Vec<Tensor>,
    /// The error estimate, for methods that have one.
    pub(crate) error: Option<Tensor>,
}

/// A method, counting the calls of the right-hand side.
pub(crate) struct Stepper<'a> {
    pub(crate) tableau: &'a Tableau,
    nfe: Cell<u64>,
}

impl<'a> Stepper<'a> {
    pub(crate) fn new(tableau: &'a Tableau) -> Self {
        Self { tableau, nfe: Cell::new(0) }
    }

    /// Calls so far.
    pub(crate) fn nfe(&self) -> u64 {
        self.nfe.get()
    }

    /// The right-hand side, counted.
    pub(crate) fn rate(&self, term: &dyn Term, t: &Tensor, y: &Tensor) -> Result<Tensor> {
        self.counted(y, term.rate(t, y)?)
    }

    /// The rate of stage `i` at the state `y`, counted: of the points only, where nothing uses more of it.
    fn stage(&self, term: &dyn Term, i: usize, start: &Start<'_>, y: &Tensor) -> Result<Tensor> {
        let t = start.time(self.tableau.times()[i]);
        if self.tableau.uses(i) {
            return self.rate(term, &t, y);
        }
        self.counted(y, term.rate_of_points(&t, y)?)
    }

    /// Counts a call and checks its answer.
    fn counted(&self, y: &Tensor, rate: Tensor) -> Result<Tensor> {
        self.nfe.set(self.nfe.get() + 1);
        check_value(y, &rate)?;
        Ok(rate)
    }

    /// One step from the first stage on.
    pub(crate) fn step(&self, term: &dyn Term, start: &Start<'_>, k1: Tensor) -> Result<Attempt> {
        let tableau = self.tableau;
        let h = start.column();
        let base = Base { y: start.y, h: &h, sum: Sum::Fused };
        let mut end = None;
        let stages = base.stages(tableau, tableau.stages(), vec![k1], &mut |i, y| {
            let k = self.stage(term, i, start, &y)?;
            end = Some(y);
            Ok(k)
        })?;
        let end = end.filter(|_| tableau.is_fsal());
        let y = end.unwrap_or_else(|| base.combine(tableau.weights(), &stages));
        let zero = y.zeros_like();
        let error =
            tableau.error_weights().map(|weights| Base { y: &zero, ..base }.combine(weights, &stages));
        Ok(Attempt { y, stages, error })
    }

    /// The end of one step, by those stages only that the solution needs; differentiable where gradients are being
    /// recorded.
    pub(crate) fn end(&self, term: &dyn Term, start: &Start<'_>) -> Result<Tensor> {
        let tableau = self.tableau;
        let needed = tableau.weights().iter().rposition(|b| b.abs() > 0.0).map_or(0, |last| last + 1);
        let h = start.column();
        let base = Base { y: start.y, h: &h, sum: Sum::Fused };
        let stages = base.stages(tableau, needed, Vec::new(), &mut |i, y| self.stage(term, i, start, &y))?;
        Ok(base.combine(tableau.weights(), &stages))
    }
}

impl Attempt {
    /// The first row, counted within the step, and the time of the first stage that is not finite in some row, or else of
    /// the step's end.
    pub(crate) fn failure(&self, tableau: &Tableau, start: &Start<'_>) -> (i64, f64) {
        let stages = self.stages.iter().zip(tableau.times()).map(|(k, c)| (k, *c));
        for (values, c) in stages.chain([(&self.y, 1.0)]) {
            if let Some(row) = first_row(&not_finite(values)) {
                return (row, start.time(c).double_value(&[row]));
            }
        }
        (0, start.t.double_value(&[0]))
    }
}

/// The rows of `[n, W]` that are not finite, `[n]`.
pub(crate) fn not_finite(values: &Tensor) -> Tensor {
    values.isfinite().all_dim(1, false).logical_not()
}

/// The number of the first set row of a mask.
pub(crate) fn first_row(mask: &Tensor) -> Option<i64> {
    let set = mask.nonzero();
    (set.size()[0] > 0).then(|| set.int64_value(&[0, 0]))
}

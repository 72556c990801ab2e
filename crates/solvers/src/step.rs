//! One Runge–Kutta step of a batch in which every row has its own time and step: the one stepping function of fixed,
//! adaptive and stochastic solves. It never accepts or rejects.

use std::cell::Cell;

use tch::Tensor;

use crate::error::Result;
use crate::tableau::Tableau;
use crate::term::{Term, check_value};

/// How the integrals that ride along with points are found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Integrals {
    /// By the method: every stage with a weight has their rates.
    ByStages,
    /// By a quadrature, for which the stages at the step's ends alone have their rates.
    ByQuadrature,
}

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
    pub(crate) fn time(&self, c: f64) -> Tensor {
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

/// Calls of a right-hand side.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cost {
    /// All of them.
    pub(crate) nfe: u64,
    /// Those that gave the rates of integrals too.
    pub(crate) with_integrals: u64,
}

/// A method, counting the calls of the right-hand side.
pub(crate) struct Stepper<'a> {
    pub(crate) tableau: &'a Tableau,
    integrals: Integrals,
    cost: Cell<Cost>,
}

impl<'a> Stepper<'a> {
    pub(crate) fn new(tableau: &'a Tableau, integrals: Integrals) -> Self {
        Self { tableau, integrals, cost: Cell::default() }
    }

    /// Calls so far.
    pub(crate) fn cost(&self) -> Cost {
        self.cost.get()
    }

    /// The right-hand side, counted.
    pub(crate) fn rate(&self, term: &dyn Term, t: &Tensor, y: &Tensor) -> Result<Tensor> {
        self.counted(y, term.rate(t, y)?, u64::from(term.n_integrals() > 0))
    }

    /// The rate of stage `i` at the state `y`, counted: of the points only, where nothing uses more of it.
    fn stage(&self, term: &dyn Term, i: usize, start: &Start<'_>, y: &Tensor) -> Result<Tensor> {
        let t = start.time(self.tableau.times()[i]);
        let used = match self.integrals {
            Integrals::ByStages => self.tableau.uses(i),
            Integrals::ByQuadrature => self.tableau.is_fsal() && i + 1 == self.tableau.stages(),
        };
        if used {
            return self.rate(term, &t, y);
        }
        self.counted(y, term.rate_of_points(&t, y)?, 0)
    }

    /// Counts a call and checks its answer.
    fn counted(&self, y: &Tensor, rate: Tensor, with_integrals: u64) -> Result<Tensor> {
        let cost = self.cost.get();
        self.cost.set(Cost { nfe: cost.nfe + 1, with_integrals: cost.with_integrals + with_integrals });
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

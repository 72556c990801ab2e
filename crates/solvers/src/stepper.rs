//! One Runge–Kutta step of a batch in which every sample has its own time and step. Never accepts or rejects.

use tch::Tensor;

use crate::divergence::Equation;
use crate::tableau::Tableau;

/// Where a batch stands before a step.
pub(crate) struct Start<'a> {
    /// Times, `[n]`, f64.
    pub(crate) t: &'a Tensor,
    /// Signed steps, `[n]`, f64.
    pub(crate) h: &'a Tensor,
    /// States.
    pub(crate) y: &'a Tensor,
    /// The first stage, `f(t, y)`.
    pub(crate) k1: &'a Tensor,
    /// Hutchinson's probes.
    pub(crate) probes: Option<&'a Tensor>,
}

/// What a step gives.
pub(crate) struct Attempt {
    /// The states at the step's end.
    pub(crate) y: Tensor,
    /// All stages; for methods with an error estimate the last is `f` at the step's end.
    pub(crate) stages: Vec<Tensor>,
    /// The error estimate, for methods that have one.
    pub(crate) error: Option<Tensor>,
}

impl Attempt {
    /// Computes one step.
    pub(crate) fn new(equation: &Equation<'_>, tableau: &Tableau, start: &Start<'_>) -> Self {
        let h = start.h.to_kind(start.y.kind()).unsqueeze(1);
        let mut stages = vec![start.k1.shallow_clone()];
        let mut y = start.y.shallow_clone();
        for (row, c) in tableau.a.iter().zip(tableau.c).skip(1) {
            y = combine(start.y, &h, row, &stages);
            let t = start.t + start.h * *c;
            stages.push(equation.rate(&t, &y, start.probes));
        }
        if tableau.error.is_empty() {
            y = combine(start.y, &h, tableau.b, &stages);
            return Self { y, stages, error: None };
        }
        let error = combine(&y.zeros_like(), &h, tableau.error, &stages);
        Self { y, stages, error: Some(error) }
    }

    /// The time of the first stage that is not finite in some sample, or else of the step's end.
    pub(crate) fn time_of_failure(&self, tableau: &Tableau, start: &Start<'_>) -> f64 {
        for (k, c) in self.stages.iter().zip(tableau.c) {
            let bad = k.isfinite().all_dim(1, false).logical_not();
            if bad.any().int64_value(&[]) != 0 {
                return (start.t + start.h * *c).masked_select(&bad).double_value(&[0]);
            }
        }
        let bad = self.y.isfinite().all_dim(1, false).logical_not();
        let ends = (start.t + start.h).masked_select(&bad);
        if ends.size()[0] > 0 { ends.double_value(&[0]) } else { start.t.double_value(&[0]) }
    }
}

/// `y + h Σ w_j k_j`.
pub(crate) fn combine(y: &Tensor, h: &Tensor, weights: &[f64], stages: &[Tensor]) -> Tensor {
    weights
        .iter()
        .zip(stages)
        .filter(|(w, _)| w.abs() > 0.0)
        .fold(y.shallow_clone(), |sum, (w, k)| sum.addcmul(k, &(h * *w)))
}

//! The driver: steps a batch from time to time, fixed or adaptive, and gathers the cost.

use interflow_core::VectorField;
use tch::{Kind, Tensor};

use crate::controller::Controller;
use crate::divergence::{Divergence, Equation};
use crate::stepper::{Attempt, Start};
use crate::tableau::Tableau;
use crate::{Error, Result, Solution, Statistics, StopReason};

mod adaptive;

/// How a solver places its steps.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stepping {
    /// Equal steps.
    Fixed { steps: u32 },
    /// Per-sample steps from error estimates.
    Adaptive { controller: Controller, max_steps: u32 },
}

/// A checked solver of `dX/dt = v_t(X)`; build it with [`crate::SolverConfig::build`].
#[derive(Debug, Clone)]
pub struct Solver {
    pub(crate) tableau: &'static Tableau,
    pub(crate) stepping: Stepping,
}

impl Solver {
    /// Carries points `x`, `[B, D]`, from time `from` to time `to`, forward or backward.
    ///
    /// # Errors
    /// A wrong shape, a non-finite number, or a step limit ([`Error`]).
    pub fn solve(&self, field: &dyn VectorField, x: &Tensor, from: f64, to: f64) -> Result<Solution> {
        let (mut states, statistics) = self.run(&Equation::new(field, None), x, &[from, to])?;
        Ok(Solution { x: states.swap_remove(1), divergence_integral: None, statistics })
    }

    /// Carries points through `times` (monotone, the first is the start) and returns the points at each.
    /// Fixed-grid methods share their steps out over the intervals by length, at least one for each.
    ///
    /// # Errors
    /// As [`Solver::solve`], and [`Error::InvalidTimes`].
    pub fn solve_saving(
        &self,
        field: &dyn VectorField,
        x: &Tensor,
        times: &[f64],
    ) -> Result<(Vec<Tensor>, Statistics)> {
        self.run(&Equation::new(field, None), x, times)
    }

    /// As [`Solver::solve`], with the integral of the divergence along each trajectory.
    ///
    /// # Errors
    /// As [`Solver::solve`].
    pub fn solve_with_divergence(
        &self,
        field: &dyn VectorField,
        divergence: &Divergence,
        x: &Tensor,
        from: f64,
        to: f64,
    ) -> Result<Solution> {
        let (x, integral, statistics) = self.integrate_divergence(field, divergence, x, from, to)?;
        Ok(Solution { x, divergence_integral: Some(integral), statistics })
    }

    /// The end points, the divergence integrals and the cost.
    pub(crate) fn integrate_divergence(
        &self,
        field: &dyn VectorField,
        divergence: &Divergence,
        x: &Tensor,
        from: f64,
        to: f64,
    ) -> Result<(Tensor, Tensor, Statistics)> {
        let (mut states, statistics) = self.run(&Equation::new(field, Some(divergence)), x, &[from, to])?;
        let state = states.swap_remove(1);
        let dim = field.dim();
        Ok((state.narrow(1, 0, dim).contiguous(), state.select(1, dim).contiguous(), statistics))
    }

    fn run(&self, equation: &Equation<'_>, x: &Tensor, times: &[f64]) -> Result<(Vec<Tensor>, Statistics)> {
        check_times(times)?;
        tch::no_grad(|| {
            let y = equation.state(x)?;
            let mut statistics = Statistics { stop: StopReason::ReachedEnd, ..Statistics::default() };
            let states = if y.size()[0] == 0 || times[0].to_bits() == times[times.len() - 1].to_bits() {
                times.iter().map(|_| y.copy()).collect()
            } else {
                match self.stepping {
                    Stepping::Fixed { steps } => self.fixed(equation, y, times, steps, &mut statistics)?,
                    Stepping::Adaptive { controller, max_steps } => {
                        let limits = adaptive::Limits { controller, max_steps };
                        adaptive::run(equation, self.tableau, limits, (&y, times), &mut statistics)?
                    }
                }
            };
            statistics.nfe = equation.nfe.get();
            Ok((states, statistics))
        })
    }

    fn fixed(
        &self,
        equation: &Equation<'_>,
        mut y: Tensor,
        times: &[f64],
        steps: u32,
        statistics: &mut Statistics,
    ) -> Result<Vec<Tensor>> {
        let total = times[times.len() - 1] - times[0];
        let probes = equation.probes();
        let (size, device) = (y.size()[0], y.device());
        let column = |value: f64| Tensor::full([size], value, (Kind::Double, device));
        let mut saved = vec![y.copy()];
        let (mut k1, rows): (Option<Tensor>, u64) = (None, y.size()[0] as u64);
        for pair in times.windows(2) {
            let length = pair[1] - pair[0];
            let n = (f64::from(steps) * (length / total) - 1e-9).ceil().max(1.0);
            let n = if length.abs() > 0.0 { n as u32 } else { 0 };
            for i in 0..n {
                let at = |i: u32| pair[0] + length * (f64::from(i) / f64::from(n));
                let (t, h) = (column(at(i)), column(at(i + 1) - at(i)));
                let first = k1.take().unwrap_or_else(|| equation.rate(&t, &y, probes.as_ref()));
                let start = Start { t: &t, h: &h, y: &y, k1: &first, probes: probes.as_ref() };
                let mut attempt = Attempt::new(equation, self.tableau, &start);
                if attempt.y.isfinite().all().int64_value(&[]) == 0 {
                    return Err(Error::NonFinite { time: attempt.time_of_failure(self.tableau, &start) });
                }
                if attempt.error.is_some() {
                    k1 = attempt.stages.pop();
                }
                y = attempt.y;
                statistics.accepted_steps += rows;
            }
            saved.push(y.copy());
        }
        Ok(saved)
    }
}

/// Refuses times that are missing, not finite or not monotone.
fn check_times(times: &[f64]) -> Result<()> {
    let rising = times.windows(2).all(|pair| pair[0] <= pair[1]);
    let falling = times.windows(2).all(|pair| pair[0] >= pair[1]);
    if !times.is_empty() && times.iter().all(|t| t.is_finite()) && (rising || falling) {
        return Ok(());
    }
    Err(Error::InvalidTimes { found: times.to_vec() })
}

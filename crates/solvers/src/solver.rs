//! A solver of ordinary differential equations: a Runge–Kutta method, and the choice of its steps.

use std::sync::Arc;

use interflow_core::VectorField;
use tch::Tensor;

use crate::controller::Controller;
use crate::divergence::{Divergence, WithDivergence};
use crate::error::{Error, Result};
use crate::options::SolveOptions;
use crate::solution::{Solution, Statistics, StopReason, Trajectory};
use crate::solve::{self, ByQuadrature, Course, EqualSteps, StepsByError, Unwatched};
use crate::step::Integrals;
use crate::tableau::Tableau;
use crate::term::{FieldTerm, Term};

/// The least dimension in which exact divergences are integrated by quadrature. With Dormand and Prince's method it saves two
/// divergences a step, which cost about D + 1 velocities each, for four velocities more.
const LEAST_DIM: i64 = 3;

/// How a solver chooses its steps.
#[derive(Debug, Clone)]
pub enum Stepping {
    /// Equal steps.
    Fixed {
        /// The number of steps.
        steps: u32,
    },
    /// Adaptive steps, for methods with an error estimate.
    Adaptive {
        /// The controller that chooses their lengths.
        controller: Arc<dyn Controller>,
        /// The largest number of steps, accepted or rejected, that one row may take.
        max_steps: u32,
    },
}

/// A solver of `dy/dt = f(t, y)` whose settings were checked. [`crate::SolverConfig::build`] makes one with a named
/// method, [`Solver::new`] one with any method.
#[derive(Debug, Clone)]
pub struct Solver {
    tableau: Tableau,
    stepping: Stepping,
}

impl Solver {
    /// The solver with this method and these steps.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] if the number of steps is 0, [`Error::MissingSteps`] for adaptive steps of a method
    /// without an error estimate.
    pub fn new(tableau: Tableau, stepping: Stepping) -> Result<Self> {
        let (name, most) = match &stepping {
            Stepping::Fixed { steps } => ("steps", *steps),
            Stepping::Adaptive { max_steps, .. } => ("max_steps", *max_steps),
        };
        if most == 0 {
            return Err(Error::InvalidConfig { name, requirement: "positive", value: 0.0 });
        }
        if matches!(stepping, Stepping::Adaptive { .. }) && tableau.error_weights().is_none() {
            return Err(Error::MissingSteps);
        }
        Ok(Self { tableau, stepping })
    }

    /// The method's coefficients.
    pub fn tableau(&self) -> &Tableau {
        &self.tableau
    }

    /// How it chooses its steps.
    pub fn stepping(&self) -> &Stepping {
        &self.stepping
    }

    /// Carries points `x`, `[B, D]`, from time `from` to time `to`, forward or backward.
    ///
    /// # Errors
    /// A wrong shape, a non-finite number, or a step limit ([`Error`]).
    pub fn solve(&self, field: &dyn VectorField, x: &Tensor, from: f64, to: f64) -> Result<Solution> {
        let found = self.integrate(&FieldTerm::new(field), x, from, to, &SolveOptions::default())?;
        Ok(Solution { x: found.y, divergence_integral: None, statistics: found.statistics })
    }

    /// Carries points `x`, `[B, D]`, through `times` and returns the points at each of them, `[B, D]`. The times are
    /// monotone, and the first is the start. The cost is that of a solve from the first to the last, because points
    /// within a step are interpolated.
    ///
    /// # Errors
    /// As [`Solver::solve`], and [`Error::InvalidTimes`] for times that are not monotone.
    pub fn solve_saving(
        &self,
        field: &dyn VectorField,
        x: &Tensor,
        times: &[f64],
    ) -> Result<(Vec<Tensor>, Statistics)> {
        let rising = times.windows(2).all(|pair| pair[0] <= pair[1]);
        let falling = times.windows(2).all(|pair| pair[0] >= pair[1]);
        let (Some(&from), Some(&to), true) = (times.first(), times.last(), rising || falling) else {
            return Err(Error::InvalidTimes { found: times.to_vec() });
        };
        let options = SolveOptions { save_at: times, ..SolveOptions::default() };
        let found = self.integrate(&FieldTerm::new(field), x, from, to, &options)?;
        Ok((found.saved, found.statistics))
    }

    /// As [`Solver::solve`], with the integral of the divergence along each trajectory.
    ///
    /// If adaptive steps of the method need more than three divergences each, as Dormand and Prince's do, an exact
    /// divergence in three dimensions or more is integrated by a quadrature within each step, which needs three.
    /// Otherwise the method itself integrates it, as it does [`WithDivergence`]. The tolerance is the same for both.
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
        let term = WithDivergence::new(field, divergence);
        let dim = field.dim();
        let integrals = self.integrals(divergence, dim);
        let found = self.run(&term, x, (from, to), &SolveOptions::default(), integrals)?;
        Ok(Solution {
            x: found.y.narrow(1, 0, dim).contiguous(),
            divergence_integral: Some(found.y.select(1, dim).contiguous()),
            statistics: found.statistics,
        })
    }

    /// Carries points `x`, `[B, D]`, together with the integrals of a term from one time to another, with all
    /// options.
    ///
    /// # Errors
    /// As [`Solver::solve`] unless failures are kept, and [`Error::InvalidTimes`] for times that are not finite or
    /// not between start and end.
    pub fn integrate(
        &self,
        term: &dyn Term,
        x: &Tensor,
        from: f64,
        to: f64,
        options: &SolveOptions<'_>,
    ) -> Result<Trajectory> {
        self.run(term, x, (from, to), options, Integrals::ByStages)
    }

    /// How the divergence in `dim` dimensions is cheaper to integrate.
    fn integrals(&self, divergence: &Divergence, dim: i64) -> Integrals {
        let fewer = self.tableau.rates_a_step() > ByQuadrature::<StepsByError<'_>>::RATES_A_STEP;
        match (divergence, &self.stepping) {
            (Divergence::Exact, Stepping::Adaptive { .. }) if fewer && dim >= LEAST_DIM => {
                Integrals::ByQuadrature
            }
            _ => Integrals::ByStages,
        }
    }

    /// As [`Solver::integrate`]. A quadrature is for steps by error of terms whose integrals act on nothing, and gives the
    /// integrals at the ends of steps only: not for saves and events.
    fn run(
        &self,
        term: &dyn Term,
        x: &Tensor,
        (from, to): (f64, f64),
        options: &SolveOptions<'_>,
        integrals: Integrals,
    ) -> Result<Trajectory> {
        check_times((from, to), options.save_at)?;
        term.check(x)?;
        tch::no_grad(|| {
            let y = state(term, x);
            if y.size()[0] == 0 || (to - from).abs() <= 0.0 {
                return Ok(at_rest(&y, to, options));
            }
            let max_steps = match self.stepping {
                Stepping::Fixed { steps } => steps,
                Stepping::Adaptive { max_steps, .. } => max_steps,
            };
            let course = Course { tableau: &self.tableau, term, from, to, options: *options, max_steps };
            match &self.stepping {
                Stepping::Fixed { steps } => {
                    solve::run(&course, &y, &mut EqualSteps::new(*steps, (from, to)), &Unwatched)
                }
                Stepping::Adaptive { controller, max_steps } => {
                    let mut pace = StepsByError::new(&**controller, *max_steps, (from, to));
                    match integrals {
                        Integrals::ByStages => solve::run(&course, &y, &mut pace, &Unwatched),
                        Integrals::ByQuadrature => {
                            solve::run(&course, &y, &mut ByQuadrature::new(pace), &Unwatched)
                        }
                    }
                }
            }
        })
    }
}

/// The state at points: their integrals are zero.
fn state(term: &dyn Term, x: &Tensor) -> Tensor {
    let x = x.detach();
    match term.n_integrals() {
        0 => x,
        n => Tensor::cat(&[&x, &x.new_zeros([x.size()[0], n], (x.kind(), x.device()))], 1),
    }
}

/// The trajectories of states that have no way to go.
fn at_rest(y: &Tensor, t: f64, options: &SolveOptions<'_>) -> Trajectory {
    let n = y.size()[0];
    Trajectory {
        y: y.copy(),
        t: Tensor::full([n], t, (tch::Kind::Double, y.device())),
        saved: options.save_at.iter().map(|_| y.copy()).collect(),
        stops: vec![StopReason::ReachedEnd; n as usize],
        statistics: Statistics::default(),
    }
}

/// Refuses times that are not finite, and times to save at that are not between start and end.
fn check_times((from, to): (f64, f64), save_at: &[f64]) -> Result<()> {
    let inside = |t: &f64| (from.min(to)..=from.max(to)).contains(t);
    if from.is_finite() && to.is_finite() && save_at.iter().all(inside) {
        return Ok(());
    }
    let found = if save_at.is_empty() { vec![from, to] } else { save_at.to_vec() };
    Err(Error::InvalidTimes { found })
}

//! Sampling by a stochastic equation with the marginals of the flow (\[ABV23\]):
//! `dX = (v + ε s) dt + √(2ε) dW` forward, `dX = (v − ε s) dt + √(2ε) dW̄` backward in time.

mod adaptive;
mod equation;
mod fields;

use std::cell::Cell;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use self::adaptive::Run;
pub(crate) use self::equation::{Equation, Step};
pub use self::fields::{ScoreSource, Sde};
use crate::brownian::{BrownianPath, Grid, Increment};
use crate::error::{Error, Result};
use crate::options::Failures;
use crate::scheme::{Scheme, SchemeTableau};
use crate::solution::{Solution, Statistics, StopReason};
use crate::step::not_finite;

/// The configuration of a solver of the stochastic equation.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct SdeConfig {
    /// The method.
    pub scheme: Scheme,
    /// The number of steps if there is no tolerance. They are equal, up to the grid of the Brownian path ([`Grid`]).
    pub steps: u32,
    /// The tolerance, relative and absolute, of the error of a step, by which each sample chooses its own steps;
    /// without it, steps are equal. The error is estimated by comparison with an Euler–Maruyama step, so that method
    /// itself has no estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
}

impl Default for SdeConfig {
    fn default() -> Self {
        Self { scheme: Scheme::default(), steps: 128, tolerance: None }
    }
}

impl SdeConfig {
    /// Checks the settings and returns the solver.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] for no steps or too many, or a tolerance that is not positive;
    /// [`Error::MissingSteps`] for a tolerance with Euler and Maruyama's method.
    pub fn build(&self) -> Result<SdeSolver> {
        let grid = Grid::new(self.steps)?;
        let stepping = match self.tolerance {
            None => Stepping::Fixed(grid),
            Some(_) if self.scheme == Scheme::EulerMaruyama => return Err(Error::MissingSteps),
            Some(tolerance) if tolerance.is_finite() && tolerance > 0.0 => Stepping::Adaptive(tolerance),
            Some(value) => {
                let requirement = "positive and finite";
                return Err(Error::InvalidConfig { name: "tolerance", requirement, value });
            }
        };
        Ok(SdeSolver { scheme: self.scheme.tableau(), stepping, failures: Failures::default() })
    }
}

/// A solver of the stochastic equation whose settings were checked.
#[derive(Debug, Clone)]
pub struct SdeSolver {
    scheme: SchemeTableau,
    stepping: Stepping,
    failures: Failures,
}

/// How steps are chosen.
#[derive(Debug, Clone)]
enum Stepping {
    Fixed(Grid),
    Adaptive(f64),
}

impl SdeSolver {
    /// The same solver with another treatment of rows that fail; by default a failing row fails the batch.
    #[must_use]
    pub fn with_failures(self, failures: Failures) -> Self {
        Self { failures, ..self }
    }

    /// Carries points `x`, `[B, D]`, from time `from` to time `to`, forward or backward, along the Brownian path of
    /// each row.
    ///
    /// Where the interval extends beyond the times at which ε s is regular, one step of Heun's method without noise
    /// bridges the gap.
    ///
    /// # Errors
    /// A wrong shape, times outside [0, 1], a denoiser on a path without γ, or, unless failures are kept, a non-finite
    /// number or a step limit ([`Error`]).
    pub fn solve(
        &self,
        sde: &Sde<'_>,
        path: &BrownianPath,
        x: &Tensor,
        from: f64,
        to: f64,
    ) -> Result<Solution> {
        check(sde, x, (from, to))?;
        let nfe = Cell::new(0);
        let equation = Equation::new(sde, (from, to), self.failures, &nfe);
        let (first, last) = sde.noisy_on();
        let inner = [from, to].map(|t| t.clamp(first, last));
        tch::no_grad(|| {
            let x = equation.quiet_step(x, from, inner[0])?;
            let run = self.noisy_steps(&equation, path, &x, inner)?;
            let x = equation.quiet_step(&run.x, inner[1], to)?;
            let (x, stop) = marked(x, run.stop);
            let statistics = Statistics {
                nfe: nfe.get(),
                nfe_with_integrals: 0,
                accepted_steps: run.accepted,
                rejected_steps: run.rejected,
                stop,
            };
            Ok(Solution { x, divergence_integral: None, statistics })
        })
    }

    fn noisy_steps(
        &self,
        equation: &Equation<'_>,
        path: &BrownianPath,
        x: &Tensor,
        times: [f64; 2],
    ) -> Result<Run> {
        let mut run = Run { x: x.copy(), accepted: 0, rejected: 0, stop: StopReason::ReachedEnd };
        if (times[1] - times[0]).abs() <= 0.0 || x.numel() == 0 {
            return Ok(run);
        }
        if let Stepping::Adaptive(tolerance) = self.stepping {
            return adaptive::solve(equation, (&self.scheme, tolerance), path, x, times);
        }
        for step in self.fixed_steps(path, x, times)? {
            run.x = equation.step(&self.scheme, &run.x, &step.as_step())?.x;
            run.accepted += x.size()[0] as u64;
        }
        Ok(run)
    }

    /// The steps of a fixed grid from one time to another for points like `x`, `[B, D]`, with the noise of each.
    ///
    /// # Errors
    /// [`Error::AdaptiveSteps`] if the solver has no fixed grid.
    pub(crate) fn fixed_steps<'a>(
        &'a self,
        path: &BrownianPath,
        x: &Tensor,
        [from, to]: [f64; 2],
    ) -> Result<impl Iterator<Item = FixedStep> + use<'a>> {
        let Stepping::Fixed(grid) = &self.stepping else {
            return Err(Error::AdaptiveSteps { operation: "a bound of the log-density" });
        };
        let span = to - from;
        let root = span.abs().sqrt();
        let (n, kind, device) = (x.size()[0], x.kind(), x.device());
        let times: Vec<Tensor> = grid
            .times()
            .into_iter()
            .map(|place| if place < 1.0 { from + span * place } else { to })
            .map(|t| Tensor::full([n], t, (Kind::Double, device)))
            .collect();
        let like = move |noise: Tensor| (noise * root).to_kind(kind).to_device(device);
        let increments = path.increments(n, x.size()[1], grid).enumerate();
        Ok(increments.map(move |(i, noise)| FixedStep {
            from: times[i].shallow_clone(),
            to: times[i + 1].shallow_clone(),
            noise: Increment { w: like(noise.w), area: like(noise.area) },
        }))
    }

    /// The method.
    pub(crate) fn scheme(&self) -> &SchemeTableau {
        &self.scheme
    }
}

/// A step of a fixed grid and the path over it.
pub(crate) struct FixedStep {
    pub(crate) from: Tensor,
    pub(crate) to: Tensor,
    pub(crate) noise: Increment,
}

impl FixedStep {
    /// The step for an equation.
    pub(crate) fn as_step(&self) -> Step<'_> {
        Step { from: self.from.shallow_clone(), to: self.to.shallow_clone(), noise: Some(&self.noise) }
    }
}

/// Rows that are not finite as NaN throughout, and why the first of them stopped.
fn marked(x: Tensor, stop: StopReason) -> (Tensor, StopReason) {
    let broken = not_finite(&x);
    if broken.any().int64_value(&[]) == 0 {
        return (x, stop);
    }
    let stop = if stop == StopReason::ReachedEnd { StopReason::NonFinite } else { stop };
    (x.masked_fill(&broken.unsqueeze(1), f64::NAN), stop)
}

/// Refuses points, times and a score that do not fit the equation.
pub(crate) fn check(sde: &Sde<'_>, x: &Tensor, (from, to): (f64, f64)) -> Result<()> {
    const OPERATION: &str = "solve";
    sde.velocity.check_points(OPERATION, x)?;
    match sde.score {
        ScoreSource::Velocity => sde.diffusion.conversion().check_points(OPERATION, x)?,
        ScoreSource::Field(score) => score.check_points(OPERATION, x)?,
        ScoreSource::Denoiser(denoiser) => denoiser.check_points(OPERATION, x)?,
    }
    if !((0.0..=1.0).contains(&from) && (0.0..=1.0).contains(&to)) {
        return Err(Error::OutsideOfPath { from, to });
    }
    if matches!(sde.score, ScoreSource::Denoiser(_)) && !sde.diffusion.has_latent() {
        return Err(Error::NoLatent);
    }
    Ok(())
}

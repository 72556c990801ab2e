//! Sampling by a stochastic equation with the marginals of the flow (\[ABV23\]):
//! `dX = (v + ε s) dt + √(2ε) dW` forward, `dX = (v − ε s) dt + √(2ε) dW̄` backward in time.

mod adaptive;
mod equation;

use interflow_core::{VectorField, shape};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::brownian::{BrownianPath, Grid, Increment};
use crate::{Diffusion, Error, Result, Scheme, Solution, Statistics, StopReason};

use self::adaptive::Counts;
pub(crate) use self::equation::{Equation, Step};

/// A stochastic equation.
#[derive(Clone, Copy)]
pub struct Sde<'a> {
    /// The flow's velocity.
    pub velocity: &'a dyn VectorField,
    /// What tells the score.
    pub score: ScoreSource<'a>,
    /// The strength of the noise.
    pub diffusion: &'a Diffusion,
}

/// What tells the score of a path.
#[derive(Clone, Copy)]
pub enum ScoreSource<'a> {
    /// The velocity, at no further call, for a Gaussian base that is independent of the target.
    Velocity,
    /// A field that is the score itself.
    Field(&'a dyn VectorField),
    /// A denoiser: `s = −η/γ`, whatever the base and the coupling.
    Denoiser(&'a dyn VectorField),
}

impl Sde<'_> {
    /// The closed interval of times with noise; outside it the flow is followed.
    pub(crate) fn noisy_on(&self) -> (f64, f64) {
        match self.score {
            ScoreSource::Velocity => self.diffusion.regular_on(),
            ScoreSource::Field(_) => self.diffusion.conversion().interpolant().regular_on(),
            ScoreSource::Denoiser(_) => self.diffusion.denoiser_regular_on(),
        }
    }
}

/// A stochastic solver as data.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct SdeConfig {
    /// The method.
    pub scheme: Scheme,
    /// The number of steps, equal but for the grid of the Brownian path ([`Grid`]), where there is no tolerance.
    pub steps: u32,
    /// The error of a step, relative and absolute, of which each sample makes its steps. It is estimated by Euler and
    /// Maruyama's step, which has itself none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
}

impl Default for SdeConfig {
    fn default() -> Self {
        Self { scheme: Scheme::default(), steps: 128, tolerance: None }
    }
}

/// The most steps: time is resolved to 2⁻²⁸ of the interval.
const MOST_STEPS: u32 = 1 << 24;

impl SdeConfig {
    /// Checks the settings and returns the solver.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] for no steps or too many, or a tolerance that is not positive;
    /// [`Error::MissingSteps`] for a tolerance with Euler and Maruyama's method.
    pub fn build(&self) -> Result<SdeSolver> {
        if !(1..=MOST_STEPS).contains(&self.steps) {
            return Err(Error::InvalidConfig {
                name: "steps",
                requirement: "between 1 and 2^24",
                value: f64::from(self.steps),
            });
        }
        let stepping = match self.tolerance {
            None => Stepping::Fixed(Grid::new(self.steps)),
            Some(_) if self.scheme == Scheme::EulerMaruyama => return Err(Error::MissingSteps),
            Some(tolerance) if tolerance.is_finite() && tolerance > 0.0 => Stepping::Adaptive(tolerance),
            Some(value) => {
                let requirement = "positive and finite";
                return Err(Error::InvalidConfig { name: "tolerance", requirement, value });
            }
        };
        Ok(SdeSolver { scheme: self.scheme, stepping })
    }
}

/// A checked solver of the stochastic equation.
#[derive(Debug, Clone)]
pub struct SdeSolver {
    scheme: Scheme,
    stepping: Stepping,
}

/// How steps are chosen.
#[derive(Debug, Clone)]
enum Stepping {
    Fixed(Grid),
    Adaptive(f64),
}

impl SdeSolver {
    /// Carries points `x`, `[B, D]`, from time `from` to time `to`, forward or backward, along the Brownian path of
    /// each sample.
    ///
    /// Where the interval goes beyond the times at which ε s is regular, one step of Heun's method without noise
    /// leads to or from them.
    ///
    /// # Errors
    /// A wrong shape, times outside [0, 1], a denoiser on a path without γ, or a non-finite number ([`Error`]).
    pub fn solve(
        &self,
        sde: &Sde<'_>,
        path: &BrownianPath,
        x: &Tensor,
        (from, to): (f64, f64),
    ) -> Result<Solution> {
        check(sde, x, (from, to))?;
        let equation = Equation::new(sde, (from, to));
        let (first, last) = sde.noisy_on();
        let inner = [from, to].map(|t| t.clamp(first, last));
        tch::no_grad(|| {
            let x = equation.quiet_step(x, from, inner[0])?;
            let (x, counts) = self.noisy_steps(&equation, path, &x, inner)?;
            let x = equation.quiet_step(&x, inner[1], to)?;
            let statistics = Statistics {
                nfe: equation.nfe.get(),
                accepted_steps: counts.accepted,
                rejected_steps: counts.rejected,
                stop: StopReason::ReachedEnd,
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
    ) -> Result<(Tensor, Counts)> {
        if (times[1] - times[0]).abs() <= 0.0 || x.numel() == 0 {
            return Ok((x.copy(), Counts::default()));
        }
        match &self.stepping {
            Stepping::Adaptive(tolerance) => {
                adaptive::solve(equation, (self.scheme, *tolerance), path, x, times)
            }
            Stepping::Fixed(_) => {
                let mut x = x.copy();
                let mut counts = Counts::default();
                for step in self.fixed_steps(path, &x, times)? {
                    x = equation.step(self.scheme.tableau(), &x, &step.as_step())?.x;
                    counts.accepted += x.size()[0] as u64;
                }
                Ok((x, counts))
            }
        }
    }

    /// The steps of a fixed grid from one time to another for points like `x`, `[B, D]`, with the noise of each.
    ///
    /// # Errors
    /// [`Error::MissingSteps`] if the solver has no fixed grid.
    pub(crate) fn fixed_steps<'a>(
        &'a self,
        path: &BrownianPath,
        x: &Tensor,
        [from, to]: [f64; 2],
    ) -> Result<impl Iterator<Item = FixedStep> + use<'a>> {
        let Stepping::Fixed(grid) = &self.stepping else { return Err(Error::MissingSteps) };
        let span = to - from;
        let root = span.abs().sqrt();
        let (n, kind, device) = (x.size()[0], x.kind(), x.device());
        let times: Vec<Tensor> = grid
            .times()
            .into_iter()
            .map(|place| if place < 1.0 { from + span * place } else { to })
            .map(|t| Tensor::full([n], t, (Kind::Double, Device::Cpu)))
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
    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
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

/// Refuses points, times and a score that do not fit the equation.
pub(crate) fn check(sde: &Sde<'_>, x: &Tensor, (from, to): (f64, f64)) -> Result<()> {
    shape::check_points("solve", x, sde.velocity.dim())?;
    if !((0.0..=1.0).contains(&from) && (0.0..=1.0).contains(&to)) {
        return Err(Error::OutsideOfPath { from, to });
    }
    if matches!(sde.score, ScoreSource::Denoiser(_)) && !sde.diffusion.has_latent() {
        return Err(Error::NoLatent);
    }
    Ok(())
}

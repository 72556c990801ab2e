//! Sampling by a stochastic equation with the marginals of the flow (\[ABV23\]):
//! `dX = (v + ε s) dt + √(2ε) dW` forward, `dX = (v − ε s) dt + √(2ε) dW̄` backward in time.

use std::cell::Cell;

use interflow_core::{VectorField, shape};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::brownian::{BrownianPath, Grid, Increment};
use crate::scheme::SchemeTableau;
use crate::{Diffusion, Error, Result, Scheme, Solution, Statistics, StopReason};

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
    fn noisy_on(&self) -> (f64, f64) {
        match self.score {
            ScoreSource::Velocity => self.diffusion.regular_on(),
            ScoreSource::Field(_) => self.diffusion.conversion().interpolant().regular_on(),
            ScoreSource::Denoiser(_) => self.diffusion.denoiser_regular_on(),
        }
    }
}

/// A stochastic solver as data.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct SdeConfig {
    /// The method.
    pub scheme: Scheme,
    /// The number of steps, equal but for the grid of the Brownian path ([`Grid`]).
    pub steps: u32,
}

impl Default for SdeConfig {
    fn default() -> Self {
        Self { scheme: Scheme::default(), steps: 128 }
    }
}

/// The most steps: time is resolved to 2⁻²⁸ of the interval.
const MOST_STEPS: u32 = 1 << 24;

impl SdeConfig {
    /// Checks the settings and returns the solver.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] for no steps or too many.
    pub fn build(&self) -> Result<SdeSolver> {
        if !(1..=MOST_STEPS).contains(&self.steps) {
            return Err(Error::InvalidConfig {
                name: "steps",
                requirement: "between 1 and 2^24",
                value: f64::from(self.steps),
            });
        }
        Ok(SdeSolver { scheme: self.scheme, grid: Grid::new(self.steps) })
    }
}

/// A checked solver of the stochastic equation.
#[derive(Debug, Clone)]
pub struct SdeSolver {
    scheme: Scheme,
    grid: Grid,
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
        shape::check_points("solve", x, sde.velocity.dim())?;
        if !((0.0..=1.0).contains(&from) && (0.0..=1.0).contains(&to)) {
            return Err(Error::OutsideOfPath { from, to });
        }
        if matches!(sde.score, ScoreSource::Denoiser(_)) && !sde.diffusion.has_latent() {
            return Err(Error::NoLatent);
        }
        let equation = Equation { sde: *sde, sign: (to - from).signum(), nfe: Cell::new(0) };
        let (first, last) = sde.noisy_on();
        let inner = [from, to].map(|t| t.clamp(first, last));
        tch::no_grad(|| {
            let x = equation.quiet_step(x, from, inner[0])?;
            let x = self.noisy_steps(&equation, path, &x, inner)?;
            let x = equation.quiet_step(&x, inner[1], to)?;
            let steps = if (to - from).abs() > 0.0 { self.grid.times().len() as u64 - 1 } else { 0 };
            let statistics = Statistics {
                nfe: equation.nfe.get(),
                accepted_steps: steps * x.size()[0] as u64,
                rejected_steps: 0,
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
        [from, to]: [f64; 2],
    ) -> Result<Tensor> {
        let span = to - from;
        let mut x = x.copy();
        if span.abs() <= 0.0 || x.numel() == 0 {
            return Ok(x);
        }
        let times = self.grid.times();
        let root = span.abs().sqrt();
        let at = |place: f64| if place < 1.0 { from + span * place } else { to };
        for (pair, noise) in times.windows(2).zip(path.increments(x.size()[0], x.size()[1], &self.grid)) {
            let like = |noise: Tensor| (noise * root).to_kind(x.kind()).to_device(x.device());
            let noise = Increment { w: like(noise.w), area: like(noise.area) };
            let step = Step { from: at(pair[0]), to: at(pair[1]), noise: Some(&noise) };
            x = equation.step(self.scheme.tableau(), &x, &step)?;
        }
        Ok(x)
    }
}

/// One step: its times and, unless it is taken without noise, the path over it.
struct Step<'a> {
    from: f64,
    to: f64,
    noise: Option<&'a Increment>,
}

/// The equation with its direction; forward adds the score, backward subtracts it.
struct Equation<'a> {
    sde: Sde<'a>,
    sign: f64,
    nfe: Cell<u64>,
}

impl Equation<'_> {
    /// A step of Heun's method along the flow, if there is any way to go.
    fn quiet_step(&self, x: &Tensor, from: f64, to: f64) -> Result<Tensor> {
        if (to - from).abs() <= 0.0 || x.numel() == 0 {
            return Ok(x.copy());
        }
        self.step(Scheme::Heun.tableau(), x, &Step { from, to, noise: None })
    }

    /// One step of a method.
    fn step(&self, tableau: &SchemeTableau, x: &Tensor, step: &Step<'_>) -> Result<Tensor> {
        let h = step.to - step.from;
        let noise = step.noise.filter(|_| !self.sde.diffusion.is_zero());
        let strength =
            |t: f64| if noise.is_some() { (2.0 * self.sde.diffusion.epsilon(t)).sqrt() } else { 0.0 };
        let (g0, g1) = (strength(step.from), strength(step.to));
        let mut stages: Vec<Tensor> = Vec::with_capacity(tableau.b.len());
        for (i, c) in tableau.c.iter().enumerate() {
            let mut y = combine(x, h, tableau.a[i], &stages);
            if let Some(noise) = noise {
                y = y + &noise.w * (g0 * tableau.w[i]) + &noise.area * (g0 * tableau.l[i]);
            }
            let t = step.from + c * h;
            let k = self.drift(t, &y, noise.is_some());
            check_finite(&k, t)?;
            stages.push(k);
        }
        let mut end = combine(x, h, tableau.b, &stages);
        if let Some(noise) = noise {
            let turn = tableau.e * (g1 - g0);
            end = end + &noise.w * (g0 + 0.5 * turn) - &noise.area * turn;
        }
        check_finite(&end, step.to)?;
        Ok(end)
    }

    /// v, or v ± ε s.
    fn drift(&self, t: f64, x: &Tensor, noisy: bool) -> Tensor {
        let Sde { velocity, score, diffusion } = self.sde;
        let times = x.select(1, 0).full_like(t);
        let call = |field: &dyn VectorField| {
            self.nfe.set(self.nfe.get() + 1);
            field.value(&times, x).detach()
        };
        let v = call(velocity);
        if !noisy {
            return v;
        }
        let (weighted, factor) = match score {
            ScoreSource::Field(score) => (call(score), diffusion.epsilon(t)),
            ScoreSource::Denoiser(denoiser) => (call(denoiser), -diffusion.over_gamma(t)),
            ScoreSource::Velocity => {
                (diffusion.conversion().weighted_score(&times, x, &v), diffusion.over_weight(t))
            }
        };
        v + weighted * (self.sign * factor)
    }
}

fn check_finite(x: &Tensor, time: f64) -> Result<()> {
    if x.isfinite().all().int64_value(&[]) == 1 {
        return Ok(());
    }
    Err(Error::NonFinite { time })
}

/// `x + h Σ w_j k_j`.
fn combine(x: &Tensor, h: f64, weights: &[f64], stages: &[Tensor]) -> Tensor {
    let parts = weights.iter().zip(stages).filter(|(w, _)| w.abs() > 0.0);
    parts.fold(x.shallow_clone(), |sum, (w, k)| sum + k * (h * w))
}

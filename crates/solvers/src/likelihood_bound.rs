//! A lower bound on the log-density of the stochastic equation's samples.
//!
//! Let X follow `dX = f dt + √(2ε) dW` with `f = v + ε s` from `X_0` of density ρ0. For any Y that starts at x at time t
//! and goes backward by `dY = (v − ε s) dt + √(2ε) dW̄`, as the equation backward in time does, the formulas of Feynman
//! and Kac and of Girsanov and Jensen's inequality give (\[HLC21\])
//!
//! ```text
//! log p_t(x) ≥ E[ log ρ0(Y_0) − ∫ (∇·v + ε ∇·s + ε |s|²) dτ ].
//! ```
//!
//! It is an equality if s is the score of X, and so for the exact fields of a path. The stochastic integral
//! `∫ √(2ε) s · dW̄`, whose mean is 0, is subtracted to reduce the variance: for exact fields all paths would give
//! the same value, if it were not for the steps. The integral is a sum over the steps, and the remaining deviation
//! falls only with the root of their number. On a Gaussian target with ε₀ = 0.7 the standard deviation over paths was
//! 0.42 nats with 16 steps, 0.14 with 128 and 0.05 with 1024.
//!
//! ε |s|² is not regular where the score is not, even if ε s is: beyond those times X has no noise here, and the
//! density follows from the flow.

use std::cell::Cell;

use interflow_core::density::Density;
use interflow_core::{Denoiser, VectorField, Velocity};
use tch::{Kind, Tensor};

use crate::brownian::BrownianPath;
use crate::error::Result;
use crate::likelihood::{LogDensity, check_base, log_density_of_base};
use crate::options::Failures;
use crate::scheme::Scheme;
use crate::sde::{Equation, FixedStep, ScoreSource, Sde, SdeSolver, Step, check};
use crate::solution::{Statistics, StopReason};
use crate::term::{check_divergence, check_value};

/// The bound at points `x`, `[B, D]`, at time `t`, estimated with one backward path each on a fixed grid. Its mean
/// over paths is at most `log p_t(x)`, except for the error of the steps.
///
/// # Errors
/// As [`SdeSolver::solve`]; [`crate::Error::AdaptiveSteps`] for a solver with adaptive steps.
pub fn log_density_bound(
    solver: &SdeSolver,
    sde: &Sde<'_>,
    base: &dyn Density,
    path: &BrownianPath,
    x: &Tensor,
    t: f64,
) -> Result<LogDensity> {
    check(sde, x, (t, 0.0))?;
    check_base(base, sde.velocity.dim())?;
    let nfe = Cell::new(0);
    let equation = Equation::new(sde, (t, 0.0), Failures::Refuse, &nfe);
    let (first, last) = sde.score_regular_on();
    let inner = [t, 0.0].map(|t| t.clamp(first, last));
    let rates = Rates { sde: *sde, score: sde.score_field()? };
    tch::no_grad(|| {
        let mut integral = Tensor::zeros([x.size()[0]], (Kind::Double, x.device()));
        let mut x = rates.quiet_step(&equation, x, (t, inner[0]), &mut integral)?;
        let mut steps = 0;
        if inner[0] > inner[1] && x.numel() > 0 {
            let mut rate: Option<Rate> = None;
            for step in solver.fixed_steps(path, &x, inner)? {
                let before = match rate.take() {
                    Some(rate) => rate,
                    None => rates.at(&step.from, &x)?,
                };
                integral += before.martingale(&step);
                x = equation.step(solver.scheme(), &x, &step.as_step())?.x;
                let after = rates.at(&step.to, &x)?;
                integral += (&before.drift + &after.drift) * (&step.from - &step.to) * 0.5;
                rate = Some(after);
                steps += 1;
            }
        }
        let x = rates.quiet_step(&equation, &x, (inner[1], 0.0), &mut integral)?;
        let log_density = log_density_of_base(base, &x.to_kind(Kind::Double))? - &integral;
        let statistics = Statistics {
            nfe: nfe.get(),
            nfe_with_integrals: 0,
            accepted_steps: steps * x.size()[0] as u64,
            rejected_steps: 0,
            stop: StopReason::ReachedEnd,
        };
        Ok(LogDensity { log_density, base_point: x, statistics })
    })
}

/// The equation's fields and their divergences.
struct Rates<'a> {
    sde: Sde<'a>,
    score: Box<dyn VectorField + 'a>,
}

/// What a path gathers at a time, over the batch in f64.
struct Rate {
    /// `∇·v + ε (∇·s + |s|²)`, `[B]`.
    drift: Tensor,
    /// `√(2ε) s`, `[B, D]`.
    noise: Tensor,
}

impl Rates<'_> {
    fn at(&self, t: &Tensor, x: &Tensor) -> Result<Rate> {
        let times = t.to_kind(x.kind());
        let double = |x: Tensor| x.detach().to_kind(Kind::Double);
        let (_, of_velocity) = value_and_divergence(self.sde.velocity, &times, x)?;
        let (score, of_score) = value_and_divergence(&*self.score, &times, x)?;
        let (score, epsilon) = (double(score), self.sde.diffusion.epsilon_at(t));
        let square = score.square().sum_dim_intlist(1i64, false, Kind::Double);
        Ok(Rate {
            drift: double(of_velocity) + &epsilon * (double(of_score) + square),
            noise: score * (epsilon * 2.0).sqrt().unsqueeze(1),
        })
    }

    /// A step along the flow, if there is any way to go; adds its divergence to `integral`.
    fn quiet_step(
        &self,
        equation: &Equation<'_>,
        x: &Tensor,
        (from, to): (f64, f64),
        integral: &mut Tensor,
    ) -> Result<Tensor> {
        if (to - from).abs() <= 0.0 || x.numel() == 0 {
            return Ok(x.copy());
        }
        let step = Step::quiet(x, from, to);
        let end = equation.step(&Scheme::Heun.tableau(), x, &step)?.x;
        let divergence = |t: &Tensor, x: &Tensor| -> Result<Tensor> {
            let times = t.to_kind(x.kind());
            Ok(value_and_divergence(self.sde.velocity, &times, x)?.1.detach().to_kind(Kind::Double))
        };
        *integral += (divergence(&step.from, x)? + divergence(&step.to, &end)?) * (0.5 * (from - to));
        Ok(end)
    }
}

/// A field's value and its divergence, which are to be of the shapes that a field promises.
fn value_and_divergence(field: &dyn VectorField, t: &Tensor, x: &Tensor) -> Result<(Tensor, Tensor)> {
    let (value, divergence) = field.value_and_divergence(t, x);
    check_value(x, &value)?;
    check_divergence(x, &divergence)?;
    Ok((value, divergence))
}

impl Rate {
    /// `√(2ε) s · ΔW`, `[B]`.
    fn martingale(&self, step: &FixedStep) -> Tensor {
        (&self.noise * step.noise.w.to_kind(Kind::Double)).sum_dim_intlist(1i64, false, Kind::Double)
    }
}

impl<'a> Sde<'a> {
    /// The closed interval of times at which the score itself is regular.
    fn score_regular_on(&self) -> (f64, f64) {
        let interpolant = self.diffusion.conversion().interpolant();
        let (first, last) = interpolant.regular_on();
        match self.score {
            ScoreSource::Field(_) => (first, last),
            ScoreSource::Velocity => self.diffusion.conversion().score_regular_on(),
            ScoreSource::Denoiser(_) => interpolant
                .latent_regular_on()
                .map_or((first, last), |(from, to)| (first.max(from), last.min(to))),
        }
    }

    /// The score as a field.
    fn score_field(&self) -> Result<Box<dyn VectorField + 'a>> {
        let conversion = self.diffusion.conversion();
        Ok(match self.score {
            ScoreSource::Field(score) => Box::new(score),
            ScoreSource::Velocity => Box::new(conversion.score(Velocity(self.velocity))),
            ScoreSource::Denoiser(denoiser) => Box::new(conversion.score_of_denoiser(Denoiser(denoiser))?),
        })
    }
}

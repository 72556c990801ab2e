//! One step of a stochastic method, with a time and a length of its own for every sample.

use std::cell::Cell;

use interflow_core::VectorField;
use tch::{Kind, Tensor};

use super::{ScoreSource, Sde};
use crate::brownian::Increment;
use crate::scheme::{Scheme, SchemeTableau};
use crate::{Error, Result};

/// One step: its times, `[B]` in f64 on the CPU, and, unless it is taken without noise, the path over it, `[B, D]`.
pub(crate) struct Step<'a> {
    pub(crate) from: Tensor,
    pub(crate) to: Tensor,
    pub(crate) noise: Option<&'a Increment>,
}

/// Where a step leads.
pub(crate) struct Stepped {
    /// The end, `[B, D]`.
    pub(crate) x: Tensor,
    /// How far Euler and Maruyama's step would have ended from there, `[B, D]`.
    pub(crate) error: Tensor,
}

/// The equation with its direction; forward adds the score, backward subtracts it.
pub(crate) struct Equation<'a> {
    pub(crate) sde: Sde<'a>,
    pub(crate) sign: f64,
    pub(crate) nfe: Cell<u64>,
}

impl Step<'_> {
    /// A step without noise that all `n` samples share.
    pub(crate) fn quiet(n: i64, from: f64, to: f64) -> Self {
        let times = |t: f64| Tensor::full([n], t, (Kind::Double, tch::Device::Cpu));
        Self { from: times(from), to: times(to), noise: None }
    }
}

/// Numbers of each sample, `[B]`, as a column of the kind and device of `x`.
pub(crate) fn column(numbers: &Tensor, x: &Tensor) -> Tensor {
    numbers.to_kind(x.kind()).to_device(x.device()).unsqueeze(1)
}

impl<'a> Equation<'a> {
    /// The equation from one time to another.
    pub(crate) fn new(sde: &Sde<'a>, (from, to): (f64, f64)) -> Self {
        Self { sde: *sde, sign: (to - from).signum(), nfe: Cell::new(0) }
    }
}

impl Equation<'_> {
    /// A step of Heun's method along the flow, if there is any way to go.
    pub(crate) fn quiet_step(&self, x: &Tensor, from: f64, to: f64) -> Result<Tensor> {
        if (to - from).abs() <= 0.0 || x.numel() == 0 {
            return Ok(x.copy());
        }
        Ok(self.step(Scheme::Heun.tableau(), x, &Step::quiet(x.size()[0], from, to))?.x)
    }

    /// One step of a method.
    pub(crate) fn step(&self, tableau: &SchemeTableau, x: &Tensor, step: &Step<'_>) -> Result<Stepped> {
        let length = &step.to - &step.from;
        let h = column(&length, x);
        let strength = |t: &Tensor| column(&(self.sde.diffusion.epsilon_at(t) * 2.0).sqrt(), x);
        let noise = step
            .noise
            .filter(|_| !self.sde.diffusion.is_zero())
            .map(|noise| (noise, strength(&step.from), strength(&step.to)));
        let mut stages: Vec<Tensor> = Vec::with_capacity(tableau.b.len());
        for (i, c) in tableau.c.iter().enumerate() {
            let flown = combine(x, &h, tableau.a[i], &stages);
            let y = match &noise {
                Some((noise, g, _)) => flown + (&noise.w * tableau.w[i] + &noise.area * tableau.l[i]) * g,
                None => flown,
            };
            let t = if *c < 1.0 { &step.from + &length * *c } else { step.to.shallow_clone() };
            let k = self.drift(&t, &y, noise.is_some());
            check_finite(&k, &t)?;
            stages.push(k);
        }
        let mut end = combine(x, &h, tableau.b, &stages);
        let euler: Vec<f64> = (0..tableau.b.len()).map(|i| if i == 0 { 1.0 } else { 0.0 }).collect();
        let beyond: Vec<f64> = tableau.b.iter().zip(&euler).map(|(b, e)| b - e).collect();
        let mut error = combine(&x.zeros_like(), &h, &beyond, &stages);
        if let Some((noise, g, g_end)) = &noise {
            let turn = (&noise.w * 0.5 - &noise.area) * ((g_end - g) * tableau.e);
            error += &turn;
            end = end + &noise.w * g + turn;
        }
        check_finite(&end, &step.to)?;
        Ok(Stepped { x: end, error })
    }

    /// v, or v ± ε s, at times `[B]`.
    fn drift(&self, t: &Tensor, x: &Tensor, noisy: bool) -> Tensor {
        let Sde { velocity, score, diffusion } = self.sde;
        let times = t.to_kind(x.kind()).to_device(x.device());
        let call = |field: &dyn VectorField| {
            self.nfe.set(self.nfe.get() + 1);
            field.value(&times, x).detach()
        };
        let v = call(velocity);
        if !noisy {
            return v;
        }
        let (weighted, factor) = match score {
            ScoreSource::Field(score) => (call(score), diffusion.epsilon_at(t)),
            ScoreSource::Denoiser(denoiser) => (call(denoiser), -diffusion.over_gamma(t)),
            ScoreSource::Velocity => {
                (diffusion.conversion().weighted_score(&times, x, &v), diffusion.over_weight(t))
            }
        };
        v + weighted * column(&(factor * self.sign), x)
    }
}

/// Refuses values `[B, D]` that are not finite, and names the first time, of `[B]`, at which they are not.
fn check_finite(x: &Tensor, t: &Tensor) -> Result<()> {
    let finite = x.isfinite().all_dim(1, false).to_device(t.device());
    if finite.all().int64_value(&[]) == 1 {
        return Ok(());
    }
    let first = finite.to_kind(Kind::Int).argmin(None::<i64>, false).int64_value(&[]);
    Err(Error::NonFinite { time: t.double_value(&[first]) })
}

/// `x + h Σ w_j k_j`.
fn combine(x: &Tensor, h: &Tensor, weights: &[f64], stages: &[Tensor]) -> Tensor {
    let parts = weights.iter().zip(stages).filter(|(w, _)| w.abs() > 0.0);
    parts.fold(x.shallow_clone(), |sum, (w, k)| sum + k * (h * *w))
}

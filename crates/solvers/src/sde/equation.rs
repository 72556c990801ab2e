//! One step of a stochastic method, with a time and a length of its own for every row.

use std::cell::Cell;

use interflow_core::VectorField;
use tch::{Kind, Tensor};

use super::fields::{Fields, Score, Sde};
use crate::brownian::Increment;
use crate::diffusion::Diffusion;
use crate::error::{Error, Result};
use crate::options::Failures;
use crate::scheme::{Scheme, SchemeTableau};
use crate::step::{Base, Sum, first_row, not_finite};
use crate::term::check_value;

/// One step: its times, `[B]` in f64, and, unless it is taken without noise, the path over it, `[B, D]`.
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
    fields: Fields<'a>,
    diffusion: &'a Diffusion,
    sign: f64,
    failures: Failures,
    /// Calls of fields so far.
    nfe: &'a Cell<u64>,
    /// The numbers of the rows in the whole batch; none where they are all of it.
    rows: Option<Tensor>,
}

impl Step<'_> {
    /// A step without noise that all rows of `x` share.
    pub(crate) fn quiet(x: &Tensor, from: f64, to: f64) -> Self {
        let times = |t: f64| Tensor::full([x.size()[0]], t, (Kind::Double, x.device()));
        Self { from: times(from), to: times(to), noise: None }
    }
}

/// Numbers of each row, `[B]`, as a column of the kind of `x`.
pub(crate) fn column(numbers: &Tensor, x: &Tensor) -> Tensor {
    numbers.to_kind(x.kind()).unsqueeze(1)
}

impl<'a> Equation<'a> {
    /// The equation from one time to another, counting its calls.
    pub(crate) fn new(sde: &Sde<'a>, (from, to): (f64, f64), failures: Failures, nfe: &'a Cell<u64>) -> Self {
        let sign = (to - from).signum();
        Self { fields: Fields::new(sde), diffusion: sde.diffusion, sign, failures, nfe, rows: None }
    }
}

impl Equation<'_> {
    /// The equation of the rows with these numbers, `[n]`, in the batch that this one is for.
    pub(crate) fn for_rows(&self, rows: &Tensor) -> Equation<'_> {
        Equation {
            fields: self.fields.for_rows(rows),
            diffusion: self.diffusion,
            sign: self.sign,
            failures: self.failures,
            nfe: self.nfe,
            rows: Some(rows.shallow_clone()),
        }
    }

    /// What becomes of rows that fail.
    pub(crate) fn failures(&self) -> Failures {
        self.failures
    }

    /// A step of Heun's method along the flow, if there is any way to go.
    pub(crate) fn quiet_step(&self, x: &Tensor, from: f64, to: f64) -> Result<Tensor> {
        if (to - from).abs() <= 0.0 || x.numel() == 0 {
            return Ok(x.copy());
        }
        Ok(self.step(&Scheme::Heun.tableau(), x, &Step::quiet(x, from, to))?.x)
    }

    /// One step of a method.
    pub(crate) fn step(&self, scheme: &SchemeTableau, x: &Tensor, step: &Step<'_>) -> Result<Stepped> {
        let length = &step.to - &step.from;
        let h = column(&length, x);
        let strength = |t: &Tensor| column(&(self.diffusion.epsilon_at(t) * 2.0).sqrt(), x);
        let noise = step
            .noise
            .filter(|_| !self.diffusion.is_zero())
            .map(|noise| (noise, strength(&step.from), strength(&step.to)));
        let (tableau, base) = (&scheme.drift, Base { y: x, h: &h, sum: Sum::Separate });
        let time = |c: f64| if c < 1.0 { &step.from + &length * c } else { step.to.shallow_clone() };
        let stages = base.stages(tableau, tableau.stages(), Vec::new(), &mut |i, flown| {
            let y = match &noise {
                Some((noise, g, _)) => flown + (&noise.w * scheme.w[i] + &noise.area * scheme.l[i]) * g,
                None => flown,
            };
            self.drift(&time(tableau.times()[i]), &y, noise.is_some())
        })?;
        let mut end = base.combine(tableau.weights(), &stages);
        let beyond: Vec<f64> =
            tableau.weights().iter().enumerate().map(|(i, b)| if i == 0 { b - 1.0 } else { *b }).collect();
        let mut error = Base { y: &x.zeros_like(), ..base }.combine(&beyond, &stages);
        if let Some((noise, g, g_end)) = &noise {
            let turn = (&noise.w * 0.5 - &noise.area) * ((g_end - g) * scheme.e);
            error += &turn;
            end = end + &noise.w * g + turn;
        }
        let times = tableau.times().iter().map(|c| time(*c)).chain([step.to.shallow_clone()]);
        self.check_finite(stages.iter().chain([&end]).zip(times))?;
        Ok(Stepped { x: end, error })
    }

    /// v, or v ± ε s, at times `[B]`.
    fn drift(&self, t: &Tensor, x: &Tensor, noisy: bool) -> Result<Tensor> {
        let diffusion = self.diffusion;
        let times = t.to_kind(x.kind());
        let call = |field: &dyn VectorField| -> Result<Tensor> {
            self.nfe.set(self.nfe.get() + 1);
            let value = field.value(&times, x).detach();
            check_value(x, &value)?;
            Ok(value)
        };
        let v = call(&*self.fields.velocity)?;
        if !noisy {
            return Ok(v);
        }
        let (weighted, factor) = match &self.fields.score {
            Score::Field(score) => (call(&**score)?, diffusion.epsilon_at(t)),
            Score::Denoiser(denoiser) => (call(&**denoiser)?, -diffusion.over_gamma(t)),
            Score::Velocity => {
                (diffusion.conversion().weighted_score(&times, x, &v), diffusion.over_weight(t))
            }
        };
        Ok(v + weighted * column(&(factor * self.sign), x))
    }

    /// Refuses values `[B, D]` of a step that are not finite, and names the first row and its time, of `[B]`, of the earliest
    /// of them, unless failures are kept. All are looked at in one transfer.
    fn check_finite<'t>(&self, values: impl Iterator<Item = (&'t Tensor, Tensor)>) -> Result<()> {
        if self.failures == Failures::Keep {
            return Ok(());
        }
        let (broken, times): (Vec<Tensor>, Vec<Tensor>) =
            values.map(|(values, times)| (not_finite(values), times)).unzip();
        if Tensor::stack(&broken, 0).any().int64_value(&[]) == 0 {
            return Ok(());
        }
        let found = broken.iter().zip(&times).find_map(|(broken, times)| Some((first_row(broken)?, times)));
        let Some((first, times)) = found else { return Ok(()) };
        let row = self.rows.as_ref().map_or(first, |rows| rows.int64_value(&[first]));
        Err(Error::NonFinite { row, time: times.double_value(&[first]) })
    }
}

//! Fields computed from other fields: a score from a velocity, and so on. At times at which the wanted field does not
//! follow from the given one, they return its value at the nearest time at which it does.

use tch::Tensor;

use super::Conversion;
use crate::error::Result;
use crate::field::VectorField;
use crate::field::divergence_by_reverse_mode;

/// The score `s = κ s / κ` from a velocity.
#[derive(Debug, Clone)]
pub struct ScoreOfVelocity<F> {
    pub(super) conversion: Conversion,
    pub(super) velocity: F,
}

impl<F: VectorField> VectorField for ScoreOfVelocity<F> {
    fn dim(&self) -> i64 {
        self.velocity.dim()
    }

    fn check_points(&self, operation: &'static str, x: &Tensor) -> Result<()> {
        self.conversion.check_points(operation, x)?;
        self.velocity.check_points(operation, x)
    }

    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let (first, last) = self.conversion.score_regular_on();
        let t = t.clamp(first, last);
        let v = self.velocity.value(&t, x);
        self.conversion.weighted_score(&t, x, &v) / self.conversion.score_weight(&t).unsqueeze(1)
    }

    /// For N(0, I), `∇·s = (β ∇·v − β̇ D)/κ`; for other bases by reverse mode.
    fn value_and_divergence(&self, t: &Tensor, x: &Tensor) -> (Tensor, Tensor) {
        let (first, last) = self.conversion.score_regular_on();
        let t = t.clamp(first, last);
        let path = self.conversion.interpolant().schedule(&t);
        let silent = path.beta.eq(0.0).logical_and(&path.beta_dot.eq(0.0)).any().int64_value(&[]) == 1;
        if silent || !self.conversion.parts.base.is_standard() {
            return divergence_by_reverse_mode(self, &t, x);
        }
        let (v, divergence) = self.velocity.value_and_divergence(&t, x);
        let weight = self.conversion.score_weight(&t);
        let pull = path.beta * divergence - path.beta_dot * self.dim() as f64;
        (self.conversion.weighted_score(&t, x, &v) / weight.unsqueeze(1), pull / weight)
    }

    fn for_rows(&self, rows: &Tensor) -> Option<Box<dyn VectorField + '_>> {
        let velocity = self.velocity.for_rows(rows)?;
        Some(Box::new(ScoreOfVelocity { conversion: self.conversion.clone(), velocity }))
    }
}

/// The velocity `v = (β̇ x − W m + (α W C + (β̇ γ² − β γ γ̇) I) s) / β` from a score.
#[derive(Debug, Clone)]
pub struct VelocityOfScore<F> {
    pub(super) conversion: Conversion,
    pub(super) score: F,
}

impl<F: VectorField> VectorField for VelocityOfScore<F> {
    fn dim(&self) -> i64 {
        self.score.dim()
    }

    fn check_points(&self, operation: &'static str, x: &Tensor) -> Result<()> {
        self.conversion.check_points(operation, x)?;
        self.score.check_points(operation, x)
    }

    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let (first, last) = self.conversion.velocity_regular_on();
        let t = t.clamp(first, last);
        let s = self.score.value(&t, x);
        let c = self.conversion.interpolant().coefficients(&t.unsqueeze(1));
        let base = &self.conversion.parts.base;
        let mut sum = base.apply(&s, |variance| c.score_weight(variance)) + &c.schedule.beta_dot * x;
        if let Some(mean) = base.mean(x) {
            sum -= &c.wronskian * mean;
        }
        sum / c.schedule.beta
    }

    fn for_rows(&self, rows: &Tensor) -> Option<Box<dyn VectorField + '_>> {
        let score = self.score.for_rows(rows)?;
        Some(Box::new(VelocityOfScore { conversion: self.conversion.clone(), score }))
    }
}

/// The denoiser `η = −γ s` from a velocity.
#[derive(Debug, Clone)]
pub struct DenoiserOfVelocity<F>(pub(super) ScoreOfVelocity<F>);

impl<F: VectorField> VectorField for DenoiserOfVelocity<F> {
    fn dim(&self) -> i64 {
        self.0.dim()
    }

    fn check_points(&self, operation: &'static str, x: &Tensor) -> Result<()> {
        self.0.check_points(operation, x)
    }

    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let (first, last) = self.0.conversion.score_regular_on();
        let t = t.clamp(first, last);
        self.0.value(&t, x) * gamma(&self.0.conversion, &t) * -1.0
    }

    fn for_rows(&self, rows: &Tensor) -> Option<Box<dyn VectorField + '_>> {
        let velocity = self.0.velocity.for_rows(rows)?;
        let conversion = self.0.conversion.clone();
        Some(Box::new(DenoiserOfVelocity(ScoreOfVelocity { conversion, velocity })))
    }
}

/// The score `s = −η/γ` from a denoiser.
#[derive(Debug, Clone)]
pub struct ScoreOfDenoiser<F> {
    pub(super) conversion: Conversion,
    pub(super) denoiser: F,
    /// [`crate::interpolant::Interpolant::latent_regular_on`].
    pub(super) regular_on: (f64, f64),
}

impl<F: VectorField> VectorField for ScoreOfDenoiser<F> {
    fn dim(&self) -> i64 {
        self.denoiser.dim()
    }

    fn check_points(&self, operation: &'static str, x: &Tensor) -> Result<()> {
        self.denoiser.check_points(operation, x)
    }

    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let t = t.clamp(self.regular_on.0, self.regular_on.1);
        self.denoiser.value(&t, x) / gamma(&self.conversion, &t) * -1.0
    }

    fn value_and_divergence(&self, t: &Tensor, x: &Tensor) -> (Tensor, Tensor) {
        let t = t.clamp(self.regular_on.0, self.regular_on.1);
        let (value, divergence) = self.denoiser.value_and_divergence(&t, x);
        let gamma = gamma(&self.conversion, &t);
        (value / &gamma * -1.0, divergence / gamma.squeeze_dim(1) * -1.0)
    }

    fn for_rows(&self, rows: &Tensor) -> Option<Box<dyn VectorField + '_>> {
        let denoiser = self.denoiser.for_rows(rows)?;
        let conversion = self.conversion.clone();
        Some(Box::new(ScoreOfDenoiser { conversion, denoiser, regular_on: self.regular_on }))
    }
}

/// γ at times `[B]`, as a column; 0 for a path without a latent.
fn gamma(conversion: &Conversion, t: &Tensor) -> Tensor {
    let t = t.unsqueeze(1);
    conversion.interpolant().gamma().map_or_else(|| t.zeros_like(), |gamma| gamma.coefficients(&t).gamma)
}

//! The trigonometric schedule, the paper's default: it keeps the variance of unit-variance ends constant.

use std::f64::consts::FRAC_PI_2;

use tch::Tensor;

use super::schedule::{Schedule, ScheduleCoefficients};

/// `α = cos(πt/2)`, `β = sin(πt/2)` (\[AV23\] eq. 5).
#[derive(Debug, Clone, Copy, Default)]
pub struct Trigonometric;

impl Schedule for Trigonometric {
    fn coefficients(&self, t: &Tensor) -> ScheduleCoefficients {
        let (sin, cos) = ((t * FRAC_PI_2).sin(), (t * FRAC_PI_2).cos());
        // sin(π/2 (1 − t)) is exactly 0 at t = 1, where cos(πt/2) rounds to 6e-17.
        let alpha = (t * -FRAC_PI_2 + FRAC_PI_2).sin();
        ScheduleCoefficients { alpha, alpha_dot: &sin * -FRAC_PI_2, beta: sin, beta_dot: cos * FRAC_PI_2 }
    }

    fn time_at(&self, alpha: &Tensor, beta: &Tensor) -> Tensor {
        beta.atan2(alpha) / FRAC_PI_2
    }
}

//! The linear schedule: straight lines at constant speed.

use tch::Tensor;

use super::schedule::{Schedule, ScheduleCoefficients};

/// `α = 1 − t`, `β = t`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Linear;

impl Schedule for Linear {
    fn coefficients(&self, t: &Tensor) -> ScheduleCoefficients {
        ScheduleCoefficients {
            alpha: 1.0 - t,
            alpha_dot: -t.ones_like(),
            beta: t.copy(),
            beta_dot: t.ones_like(),
        }
    }

    fn time_at(&self, alpha: &Tensor, beta: &Tensor) -> Tensor {
        beta / (alpha + beta)
    }
}

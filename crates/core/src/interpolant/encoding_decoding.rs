//! The encoding–decoding schedule: every sample passes through pure noise at t = ½ (\[ABV23\]).

use std::f64::consts::PI;

use tch::Tensor;

use super::schedule::{Schedule, ScheduleCoefficients};

/// `α = cos²(πt)` on t < ½, `β = cos²(πt)` on t > ½, each 0 elsewhere; goes with γ = sin²(πt).
#[derive(Debug, Clone, Copy, Default)]
pub struct EncodingDecoding;

impl Schedule for EncodingDecoding {
    fn coefficients(&self, t: &Tensor) -> ScheduleCoefficients {
        let first = t.lt(0.5).to_kind(t.kind());
        let second = t.gt(0.5).to_kind(t.kind());
        let value = (t * PI).cos().square();
        let slope = (t * (2.0 * PI)).sin() * -PI;
        ScheduleCoefficients {
            alpha: &value * &first,
            alpha_dot: &slope * &first,
            beta: value * &second,
            beta_dot: slope * second,
        }
    }
}

//! Numbers standardised by their mean and standard deviation.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::Coordinates;
use super::lattice::cell;

/// The map `z = (x − mean)/deviation`; with a quantum, x + u takes the place of x, with u anywhere within one
/// quantum.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Affine {
    /// The mean, which is subtracted from a value.
    pub mean: f64,
    /// The standard deviation, by which the difference is divided.
    pub deviation: f64,
    /// The quantum, that is the distance between neighbouring values, if they are dequantised.
    pub quantum: Option<f64>,
}

impl Affine {
    /// As [`super::Marginal::coordinates`].
    pub(super) fn coordinates(&self, x: &Tensor, share: &Tensor) -> Coordinates {
        let x = match self.quantum {
            Some(quantum) => cell(x, quantum) + share * quantum,
            None => x.shallow_clone(),
        };
        let z = (x - self.mean) / self.deviation;
        Coordinates { log_jacobian: z.full_like(-self.deviation.ln()), z }
    }

    /// As [`super::Marginal::values`].
    pub(super) fn values(&self, z: &Tensor) -> Tensor {
        let x = z * self.deviation + self.mean;
        match self.quantum {
            Some(quantum) => cell(&x, quantum),
            None => x,
        }
    }

    /// Whether its numbers can be used.
    pub(crate) fn is_usable(&self) -> bool {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        self.mean.is_finite() && positive(self.deviation) && self.quantum.is_none_or(positive)
    }
}

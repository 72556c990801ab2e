//! A Gaussian with a diagonal covariance, to which optimal transport from N(0, I) is known in closed form.

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::density::Gaussian;
use crate::error::{Error, Result};

/// The law N(m, diag s²) in `dim` dimensions, with the same mean in every coordinate, and standard deviations in
/// geometric progression.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiagonalGaussian {
    /// The dimension D.
    pub dim: i64,
    /// The mean of each coordinate.
    pub mean: f64,
    /// The first coordinate's standard deviation.
    pub std: f64,
    /// The standard deviation of the last coordinate; without it, all coordinates have that of the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_std: Option<f64>,
}

impl DiagonalGaussian {
    /// The law as a [`Gaussian`].
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if the dimension or a standard deviation is not positive, or the mean is not finite.
    pub fn build(&self) -> Result<Gaussian> {
        let last = self.last_std.unwrap_or(self.std);
        for (name, value) in [("dim", self.dim as f64), ("std", self.std), ("last_std", last)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::OutOfRange { name, requirement: "positive and finite", value });
            }
        }
        let options = (Kind::Double, Device::Cpu);
        let logs = Tensor::linspace(self.std.ln(), last.ln(), self.dim, options);
        let mean = Tensor::full([self.dim], self.mean, options);
        Gaussian::new(&mean, &(logs * 2.0).exp().diag(0))
    }

    /// Half the width of a window around 0 that shows nearly all of it.
    pub(super) fn extent(&self) -> f64 {
        self.mean.abs() + 3.5 * self.std.max(self.last_std.unwrap_or(self.std))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_are_in_geometric_progression() {
        let law = DiagonalGaussian { dim: 3, mean: -1.0, std: 0.5, last_std: Some(2.0) }.build().unwrap();
        let expected = Tensor::from_slice(&[0.25, 1.0, 4.0]).diag(0);
        assert!((law.covariance() - expected).abs().max().double_value(&[]) < 1e-12);
        assert!(law.mean().equal(&Tensor::from_slice(&[-1.0, -1.0, -1.0])));
        assert!(DiagonalGaussian { dim: 3, mean: 0.0, std: 0.0, last_std: None }.build().is_err());
        assert!(DiagonalGaussian { dim: 0, mean: 0.0, std: 1.0, last_std: None }.build().is_err());
    }
}

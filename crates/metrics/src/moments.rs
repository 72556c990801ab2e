//! The mean and the covariance of a law.

use tch::{Kind, Tensor};

use crate::{Error, Result};

/// A mean and a covariance, all that a Gaussian is.
#[derive(Debug)]
pub struct Moments {
    /// The mean, `[D]`.
    pub mean: Tensor,
    /// The covariance, `[D, D]`; it may be singular.
    pub covariance: Tensor,
}

impl Moments {
    /// The moments of points `x`, `[N, D]`, in double precision. The covariance divides by N: it is that of the
    /// most likely Gaussian.
    ///
    /// # Errors
    /// [`Error::TooFew`] for no points, [`Error::Torch`] if `x` does not have two axes.
    pub fn of(x: &Tensor) -> Result<Self> {
        let (n, _) = x.size2().map_err(|source| Error::Torch { operation: "moments", source })?;
        if n < 1 {
            return Err(Error::TooFew { operation: "moments", needed: 1, found: n });
        }
        let x = x.to_kind(Kind::Double);
        let mean = x.mean_dim(0i64, false, Kind::Double);
        let centred = x - &mean;
        let covariance = centred.tr().matmul(&centred) / n as f64;
        Ok(Self { mean, covariance })
    }
}

//! A Gaussian with full covariance fitted to data: the baseline every density model has to beat.

use interflow_core::density::{Density, Gaussian};
use tch::{Kind, Tensor};

use crate::{Error, Moments, Result, RunningMoments};

/// The maximum-likelihood Gaussian of a data set, with full covariance.
#[derive(Debug)]
pub struct GaussianFit {
    gaussian: Gaussian,
}

impl GaussianFit {
    /// Fits mean and full covariance to points `x`, `[N, D]`, in double precision.
    ///
    /// # Errors
    /// [`Error::TooFew`] for N ≤ D, [`Error::Core`] if the covariance is singular.
    pub fn fit(x: &Tensor) -> Result<Self> {
        let (n, dim) = x.size2().map_err(|source| Error::Torch { operation: "Gaussian fit", source })?;
        Self::fit_batches(n, dim, [Ok::<_, Error>(x.shallow_clone())])
    }

    /// As [`GaussianFit::fit`], for `n` points in `dim` dimensions that come in batches `[B, D]`. Too few points are
    /// refused before the first batch is taken.
    ///
    /// # Errors
    /// As [`GaussianFit::fit`], and those of `batches`.
    pub fn fit_batches<E: From<Error>>(
        n: i64,
        dim: i64,
        batches: impl IntoIterator<Item = std::result::Result<Tensor, E>>,
    ) -> std::result::Result<Self, E> {
        if n <= dim {
            return Err(Error::TooFew { operation: "Gaussian fit", needed: dim + 1, found: n }.into());
        }
        let mut running = RunningMoments::default();
        for batch in batches {
            running.add(&batch?)?;
        }
        let Moments { mean, covariance } = running.most_likely()?;
        let gaussian = Gaussian::new(&mean, &covariance).map_err(Error::from)?;
        Ok(Self { gaussian })
    }

    /// `log ρ(x)` in nats, `[B]`, at points `x`, `[B, D]`, in double precision.
    ///
    /// # Errors
    /// [`Error::Core`] for points of another dimension.
    pub fn log_density(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.gaussian.log_density(&x.to_kind(Kind::Double))?)
    }
}

#[cfg(test)]
mod tests {
    use interflow_core::rng::{Purpose, Stream};

    use super::*;

    #[test]
    fn the_fit_of_a_standard_normal_has_its_entropy() {
        let x = Stream::new(0, Purpose::Test).at(0).normal(&[20_000, 3], Kind::Double);
        let nll =
            -GaussianFit::fit(&x).unwrap().log_density(&x).unwrap().mean(Kind::Double).double_value(&[]);
        let entropy = 1.5 * (std::f64::consts::TAU.ln() + 1.0);
        assert!((nll - entropy).abs() < 4.0 * (1.5f64 / 20_000.0).sqrt(), "{nll} against {entropy}");
    }

    #[test]
    fn too_few_points_are_refused() {
        let x = Tensor::zeros([3, 4], (Kind::Double, tch::Device::Cpu));
        assert!(matches!(GaussianFit::fit(&x), Err(Error::TooFew { needed: 5, found: 3, .. })));
    }
}

//! The mean and the covariance of a law.

use interflow_libtorch::ProcessGroup;
use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// The mean and the covariance of a law, which determine a Gaussian.
#[derive(Debug)]
pub struct Moments {
    /// The mean, `[D]`, on the CPU.
    pub mean: Tensor,
    /// The covariance, `[D, D]`, on the CPU; it may be singular.
    pub covariance: Tensor,
}

impl Moments {
    /// The moments of points `x`, `[N, D]`, in double precision. The covariance divides by N, as in the
    /// maximum-likelihood Gaussian.
    ///
    /// # Errors
    /// [`Error::TooFew`] for no points, [`Error::Torch`] if `x` does not have two axes.
    pub fn of(x: &Tensor) -> Result<Self> {
        let mut running = RunningMoments::default();
        running.add(x)?;
        running.most_likely()
    }
}

/// The moments of points that come in batches, in double precision, on the device of the first batch. It needs memory
/// for one covariance only.
///
/// The scatter `Σ(x − m)(x − m)ᵀ` of two batches together is the sum of theirs and `δδᵀ n n'/(n + n')`, δ the
/// distance of their means (Chan, Golub & `LeVeque` 1983), so that a mean far from 0 costs no digits.
#[derive(Debug, Default)]
pub struct RunningMoments {
    n: i64,
    /// The mean `[D]` and the scatter `[D, D]`, once there are points.
    sums: Option<(Tensor, Tensor)>,
}

impl RunningMoments {
    /// Adds points `x`, `[N, D]`.
    ///
    /// # Errors
    /// [`Error::Torch`] if `x` does not have two axes, [`Error::Core`] if it has another dimension than before.
    pub fn add(&mut self, x: &Tensor) -> Result<()> {
        let (n, _) = x.size2().map_err(|source| Error::Torch { operation: "moments", source })?;
        if let Some((mean, _)) = &self.sums {
            interflow_core::shape::check_points("moments", x, mean.size()[0])?;
        }
        if n < 1 {
            return Ok(());
        }
        let device = self.sums.as_ref().map_or(x.device(), |(mean, _)| mean.device());
        let x = x.detach().to_device(device).to_kind(Kind::Double);
        let mean = x.mean_dim(0i64, false, Kind::Double);
        let centred = x - &mean;
        self.merge(n, &mean, &centred.tr().matmul(&centred));
        Ok(())
    }

    /// Takes in what another has taken in.
    fn merge(&mut self, n: i64, mean: &Tensor, scatter: &Tensor) {
        if n < 1 {
            return;
        }
        let (own_mean, own_scatter) =
            self.sums.get_or_insert_with(|| (mean.zeros_like(), scatter.zeros_like()));
        let total = self.n + n;
        let shift = mean - &*own_mean;
        *own_scatter += scatter;
        let _ = own_scatter.addr_(&(&shift * (self.n as f64 * n as f64 / total as f64)), &shift);
        *own_mean += shift * (n as f64 / total as f64);
        self.n = total;
    }

    /// The moments of the points of all processes, each of dimension `dim`; every process has added its own.
    ///
    /// # Errors
    /// [`Error::Kernel`] if another process has ended, or has points of another dimension.
    pub fn pooled(self, dim: i64, group: &ProcessGroup) -> Result<Self> {
        let of = |size: &[i64]| Tensor::zeros(size, (Kind::Double, Device::Cpu));
        let (mean, scatter) = self.sums.unwrap_or_else(|| (of(&[dim]), of(&[dim, dim])));
        let counts = group.all_gather(&Tensor::from_slice(&[self.n]))?;
        let (means, scatters) = (group.all_gather(&mean)?, group.all_gather(&scatter)?);
        let mut all = Self::default();
        for ((count, mean), scatter) in counts.iter().zip(&means).zip(&scatters) {
            all.merge(count.int64_value(&[0]), mean, scatter);
        }
        Ok(all)
    }

    /// The number of points added.
    pub fn n(&self) -> i64 {
        self.n
    }

    /// The moments with the covariance divided by N, as in the maximum-likelihood Gaussian.
    ///
    /// # Errors
    /// [`Error::TooFew`] for no points.
    pub fn most_likely(&self) -> Result<Moments> {
        self.divided_by(0)
    }

    /// The moments with the covariance divided by N − 1, which is unbiased.
    ///
    /// # Errors
    /// [`Error::TooFew`] for fewer than two points.
    pub fn unbiased(&self) -> Result<Moments> {
        self.divided_by(1)
    }

    fn divided_by(&self, n_less: i64) -> Result<Moments> {
        match &self.sums {
            Some((mean, scatter)) if self.n > n_less => {
                let host = |x: Tensor| x.to_device(Device::Cpu);
                let covariance = scatter / (self.n - n_less) as f64;
                Ok(Moments { mean: host(mean.copy()), covariance: host(covariance) })
            }
            _ => Err(Error::TooFew { operation: "moments", needed: n_less + 1, found: self.n }),
        }
    }
}

#[cfg(test)]
mod tests {
    use interflow_core::rng::{Purpose, Stream};

    use super::*;

    #[test]
    fn batches_add_up_to_the_whole() {
        // Far from 0, where sums of squares would lose what is asked for.
        let x = Stream::new(3, Purpose::Test).at(0).normal(&[50, 4], Kind::Double) * 0.5 + 1e5;
        let mut running = RunningMoments::default();
        for (first, n) in [(0, 1), (1, 0), (1, 30), (31, 19)] {
            running.add(&x.narrow(0, first, n)).unwrap();
        }
        let found = running.unbiased().unwrap();
        let mean = x.mean_dim(0i64, false, Kind::Double);
        let difference = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]);
        assert_eq!(running.n(), 50);
        assert!(difference(&found.mean, &mean) < 1e-10);
        assert!(difference(&found.covariance, &x.tr().cov(1, None::<&Tensor>, None::<&Tensor>)) < 1e-10);
        let most_likely = running.most_likely().unwrap().covariance;
        assert!(difference(&(most_likely * (50.0 / 49.0)), &found.covariance) < 1e-12);
    }

    #[test]
    fn a_process_alone_pools_what_it_has() {
        let group = ProcessGroup::alone().unwrap();
        let x = Stream::new(3, Purpose::Test).at(0).normal(&[50, 4], Kind::Double);
        let mut running = RunningMoments::default();
        running.add(&x).unwrap();
        let whole = running.unbiased().unwrap();
        let found = running.pooled(4, &group).unwrap();
        assert_eq!(found.n(), 50);
        assert!(found.unbiased().unwrap().covariance.equal(&whole.covariance));
        let nothing = RunningMoments::default().pooled(4, &group).unwrap();
        assert_eq!(nothing.n(), 0);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut running = RunningMoments::default();
        assert!(matches!(running.most_likely(), Err(Error::TooFew { needed: 1, found: 0, .. })));
        let x = Tensor::zeros([1, 3], (Kind::Float, Device::Cpu));
        running.add(&x).unwrap();
        assert!(matches!(running.unbiased(), Err(Error::TooFew { needed: 2, found: 1, .. })));
        assert!(matches!(running.add(&x.narrow(1, 0, 2)), Err(Error::Core(_))));
        assert!(matches!(running.add(&x.view(-1)), Err(Error::Torch { .. })));
    }
}

//! Mixtures of Gaussians.

use tch::{Kind, Tensor};

use super::constant::Constant;
use super::gaussian::{check_finite, cholesky, inverse, log_normalisers, shape};
use super::{Density, Sampler};
use crate::error::{Error, Result};
use crate::rng::Draw;
use crate::shape::check_states;

/// The Gaussian mixture `Σ_k p_k N(m_k, C_k)`, with K components in D dimensions.
#[derive(Debug, Clone)]
pub struct GaussianMixture {
    weights: Vec<f64>,
    means: Constant,
    covariances: Constant,
    /// The Cholesky factors L of C = L Lᵀ.
    factors: Constant,
    /// L⁻¹.
    whitenings: Constant,
    /// `log p_k − log √det(2π C_k)`.
    log_heights: Constant,
}

impl GaussianMixture {
    /// The mixture with these `weights`, which are scaled to sum to 1, `means`, `[K, D]`, and `covariances`,
    /// `[K, D, D]`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not fit together, [`Error::OutOfRange`] if a weight is not positive
    /// and finite or a mean not finite, [`Error::NotPositiveDefinite`] if a covariance is none.
    pub fn new(weights: &[f64], means: &Tensor, covariances: &Tensor) -> Result<Self> {
        let k = weights.len() as i64;
        let dim = match means.size()[..] {
            [found, dim] if found == k && k > 0 && dim > 0 => dim,
            _ => return Err(shape("means of a mixture", &format!("[{k}, D]"), means)),
        };
        if covariances.size() != [k, dim, dim] {
            return Err(shape("covariances of a mixture", &format!("[{k}, {dim}, {dim}]"), covariances));
        }
        if let Some(&value) = weights.iter().find(|weight| !(weight.is_finite() && **weight > 0.0)) {
            return Err(Error::OutOfRange {
                name: "mixture weight",
                requirement: "positive and finite",
                value,
            });
        }
        check_finite("mean of a mixture", means)?;
        let factors = cholesky("covariance of a mixture", covariances)?;
        let total: f64 = weights.iter().sum();
        let weights: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
        Ok(Self {
            means: Constant::of(means),
            covariances: Constant::of(covariances),
            log_heights: Constant::of(&(Tensor::from_slice(&weights).log() - log_normalisers(&factors))),
            whitenings: Constant::of(&inverse(&factors)),
            factors: Constant::of(&factors),
            weights,
        })
    }

    /// The mixture with the same spherical covariance `std²I` around every mean, and equal weights.
    ///
    /// # Errors
    /// As [`GaussianMixture::new`].
    pub fn spherical(means: &Tensor, std: f64) -> Result<Self> {
        let [k, dim] = means.size()[..] else {
            return Err(shape("means of a mixture", "[K, D]", means));
        };
        let covariance = Tensor::eye(dim, (Kind::Double, tch::Device::Cpu)) * (std * std);
        Self::new(&vec![1.0; k as usize], means, &covariance.expand([k, dim, dim], false))
    }

    /// The law of x given that its coordinate `coordinate` was observed as `value` with noise N(0, `std`²): a mixture
    /// again, by Kalman's update of each component.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a coordinate that does not exist, a value that is not finite, or an `std` that is
    /// not positive.
    pub fn observed(&self, coordinate: i64, value: f64, std: f64) -> Result<Self> {
        let dim = self.means.size(1);
        let refuse = |name, requirement, value| Err(Error::OutOfRange { name, requirement, value });
        if !(0..dim).contains(&coordinate) {
            return refuse("coordinate", "one of the law's", coordinate as f64);
        }
        if !(std > 0.0 && std.is_finite()) {
            return refuse("std", "positive and finite", std);
        }
        if !value.is_finite() {
            return refuse("value", "finite", value);
        }
        let (means, covariances) = (self.means(), self.covariances());
        let rows = covariances.select(1, coordinate);
        let variance = rows.select(1, coordinate) + std * std;
        let gain = &rows / variance.unsqueeze(1);
        let miss: Tensor = value - means.select(1, coordinate);
        let log_weights =
            Tensor::from_slice(&self.weights).log() - variance.log() * 0.5 - miss.square() / &variance * 0.5;
        let weights: Vec<f64> = Vec::try_from(&log_weights.softmax(0, Kind::Double))
            .map_err(|source| Error::Torch { operation: "reading the weights of a mixture", source })?;
        let weights: Vec<f64> = weights.iter().map(|weight| weight.max(f64::MIN_POSITIVE)).collect();
        let covariances = covariances - gain.unsqueeze(2) * rows.unsqueeze(1);
        Self::new(&weights, &(means + &gain * miss.unsqueeze(1)), &covariances)
    }

    /// The weights, which sum to one.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The means, `[K, D]`, in f64.
    pub fn means(&self) -> Tensor {
        self.means.tensor()
    }

    /// The covariances, `[K, D, D]`, in f64.
    pub fn covariances(&self) -> Tensor {
        self.covariances.tensor()
    }
}

impl Sampler for GaussianMixture {
    fn dim(&self) -> i64 {
        self.means.size(1)
    }

    fn sample(&self, n: i64, draw: &mut Draw, kind: Kind) -> Tensor {
        let component = draw.categories(n, &self.weights);
        let z = draw.normal(&[n, self.dim(), 1], Kind::Double);
        let factor = self.factors.tensor().index_select(0, &component);
        let mean = self.means.tensor().index_select(0, &component);
        (factor.matmul(&z).squeeze_dim(2) + mean).to_kind(kind)
    }
}

impl Density for GaussianMixture {
    fn log_density(&self, x: &Tensor) -> Result<Tensor> {
        check_states("a log-density", x, self.dim())?;
        let centred = (x.unsqueeze(1) - self.means.like(x)).unsqueeze(3);
        let white = self.whitenings.like(x).matmul(&centred).squeeze_dim(3);
        let exponents = white.square().sum_dim_intlist(2i64, false, x.kind()) * -0.5;
        Ok((exponents + self.log_heights.like(x)).logsumexp(1i64, false))
    }
}

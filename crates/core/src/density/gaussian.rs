//! Normal laws: the standard one, which is the usual base, and the general one.

use std::f64::consts::TAU;
use std::ops::Range;

use tch::{Kind, Tensor};

use super::constant::Constant;
use super::{Density, Sampler};
use crate::error::{Error, Result};
use crate::rng::{Draw, Stream};
use crate::shape::check_states;

/// The standard normal law N(0, I) in `dim` dimensions.
#[derive(Debug, Clone, Copy)]
pub struct StandardNormal {
    /// The dimension D.
    pub dim: i64,
}

impl Sampler for StandardNormal {
    fn dim(&self) -> i64 {
        self.dim
    }

    fn sample(&self, n: i64, draw: &mut Draw, kind: Kind) -> Tensor {
        draw.normal_part(n, self.dim, 0..n, kind)
    }

    fn sample_part(&self, n: i64, rows: Range<i64>, draw: &mut Draw, kind: Kind) -> Tensor {
        draw.normal_part(n, self.dim, rows, kind)
    }

    fn sample_rows(&self, first: u64, n: i64, stream: &Stream, kind: Kind) -> Tensor {
        stream.normal_rows(first, n, self.dim, kind)
    }
}

impl Density for StandardNormal {
    fn log_density(&self, x: &Tensor) -> Result<Tensor> {
        check_states("a log-density", x, self.dim())?;
        Ok(x.square().sum_dim_intlist(1i64, false, x.kind()) * -0.5 - 0.5 * self.dim as f64 * TAU.ln())
    }
}

/// The normal law N(m, C) with a positive definite covariance C.
#[derive(Debug, Clone)]
pub struct Gaussian {
    mean: Constant,
    /// The Cholesky factor L of C = L Lᵀ.
    factor: Constant,
    /// L⁻¹, which turns the law into N(0, I).
    whitening: Constant,
    log_normaliser: f64,
}

impl Gaussian {
    /// The normal law with mean `mean`, `[D]`, and covariance `covariance`, `[D, D]`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not fit together, [`Error::NotPositiveDefinite`] if the covariance is
    /// no covariance, [`Error::OutOfRange`] if a mean is not finite.
    pub fn new(mean: &Tensor, covariance: &Tensor) -> Result<Self> {
        let dim = match mean.size()[..] {
            [dim] if dim > 0 => dim,
            _ => return Err(shape("mean of a Gaussian", "[D]", mean)),
        };
        if covariance.size() != [dim, dim] {
            return Err(shape("covariance of a Gaussian", &format!("[{dim}, {dim}]"), covariance));
        }
        check_finite("mean of a Gaussian", mean)?;
        let factor = cholesky("covariance of a Gaussian", covariance)?;
        Ok(Self {
            mean: Constant::of(mean),
            log_normaliser: log_normalisers(&factor).double_value(&[]),
            whitening: Constant::of(&inverse(&factor)),
            factor: Constant::of(&factor),
        })
    }

    /// The mean, `[D]`, in f64.
    pub fn mean(&self) -> Tensor {
        self.mean.tensor()
    }

    /// The covariance, `[D, D]`, in f64.
    pub fn covariance(&self) -> Tensor {
        let factor = self.factor.tensor();
        factor.matmul(&factor.tr())
    }
}

impl Sampler for Gaussian {
    fn dim(&self) -> i64 {
        self.mean.size(0)
    }

    fn sample(&self, n: i64, draw: &mut Draw, kind: Kind) -> Tensor {
        let z = draw.normal(&[n, self.dim()], Kind::Double);
        (z.matmul(&self.factor.tensor().tr()) + self.mean.tensor()).to_kind(kind)
    }
}

impl Density for Gaussian {
    fn log_density(&self, x: &Tensor) -> Result<Tensor> {
        check_states("a log-density", x, self.dim())?;
        let white = (x - self.mean.like(x)).matmul(&self.whitening.like(x).tr());
        Ok(white.square().sum_dim_intlist(1i64, false, x.kind()) * -0.5 - self.log_normaliser)
    }
}

/// The lower Cholesky factors `[.., D, D]`, in f64, of symmetric positive definite `[.., D, D]`.
pub(super) fn cholesky(name: &str, covariance: &Tensor) -> Result<Tensor> {
    let refuse = || Error::NotPositiveDefinite { name: name.to_owned() };
    let c = covariance.detach().to_kind(Kind::Double).to_device(tch::Device::Cpu);
    let transposed = c.transpose(-2, -1);
    let finite = c.isfinite().all().int64_value(&[]) == 1;
    if !finite || !c.allclose(&transposed, 1e-10, 1e-14, false) {
        return Err(refuse());
    }
    let symmetric = (&c + transposed) * 0.5;
    let (factor, info) = symmetric
        .f_linalg_cholesky_ex(false, false)
        .map_err(|source| Error::Torch { operation: "Cholesky factorisation", source })?;
    if info.abs().max().int64_value(&[]) != 0 {
        return Err(refuse());
    }
    Ok(factor)
}

/// The inverses `[.., D, D]` of lower triangular matrices.
pub(super) fn inverse(factor: &Tensor) -> Tensor {
    let identity = Tensor::eye(factor.size()[factor.dim() - 1], (factor.kind(), factor.device()));
    factor.linalg_solve_triangular(&identity.expand_as(factor), false, true, false)
}

/// `log √det(2π L Lᵀ)`, `[..]`, of Cholesky factors L, `[.., D, D]`.
pub(super) fn log_normalisers(factor: &Tensor) -> Tensor {
    let dim = factor.size()[factor.dim() - 1] as f64;
    factor.diagonal(0, -2, -1).log().sum_dim_intlist(-1i64, false, factor.kind()) + 0.5 * dim * TAU.ln()
}

/// Checks that all numbers are finite.
pub(super) fn check_finite(name: &'static str, values: &Tensor) -> Result<()> {
    if values.isfinite().all().int64_value(&[]) == 1 {
        return Ok(());
    }
    Err(Error::OutOfRange { name, requirement: "finite", value: f64::NAN })
}

/// An [`Error::Shape`] about `found`.
pub(super) fn shape(operation: &'static str, expected: &str, found: &Tensor) -> Error {
    Error::Shape { operation, expected: expected.to_owned(), found: found.size() }
}

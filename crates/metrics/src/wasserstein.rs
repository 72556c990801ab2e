//! The Wasserstein distance between two Gaussians (Dowson & Landau 1982; Fréchet's distance between normal laws).
//!
//! `W2² = |m − n|² + tr(C + S − 2 (C^½ S C^½)^½)` is a difference of large numbers where the laws are close. The
//! same number is the residual of a Procrustes problem, `min ‖C^½ − S^½ Q‖²` over orthogonal Q, whose solution
//! `Q = V Uᵀ` comes from the singular values `C^½ S^½ = U Σ Vᵀ`; nothing cancels there, and no inverse occurs, so
//! that singular covariances need no special care.

use interflow_core::Error as CoreError;
use tch::{Device, Kind, Tensor};

use crate::{Error, Moments, Result};

const OPERATION: &str = "Wasserstein distance";

/// How far, relative to its largest entry, rounding to single precision may carry a covariance from being one.
const ROUNDING: f64 = 1e-6;

/// The Wasserstein-2 distance `W2` (not squared) between the Gaussians with moments `a` and `b`.
///
/// # Errors
/// [`Error::Core`] if the shapes are not `[D]` and `[D, D]` with one D, [`Error::NotFinite`],
/// [`Error::NotACovariance`] if a covariance is not symmetric positive semidefinite.
pub fn wasserstein2_gaussian(a: &Moments, b: &Moments) -> Result<f64> {
    check_shapes(a, a.mean.numel() as i64)?;
    check_shapes(b, a.mean.numel() as i64)?;
    let shift = double(&a.mean) - double(&b.mean);
    if shift.isfinite().all().int64_value(&[]) == 0 {
        return Err(Error::NotFinite { operation: OPERATION });
    }
    let (c, s) = (root(&a.covariance)?, root(&b.covariance)?);
    let (u, _, v) =
        c.matmul(&s).f_svd(true, true).map_err(|source| Error::Torch { operation: OPERATION, source })?;
    let residual = c - s.matmul(&v.matmul(&u.tr()));
    Ok((shift.square().sum(Kind::Double) + residual.square().sum(Kind::Double)).sqrt().double_value(&[]))
}

fn check_shapes(moments: &Moments, dim: i64) -> Result<()> {
    for (x, expected) in [(&moments.mean, vec![dim]), (&moments.covariance, vec![dim, dim])] {
        let found = x.size();
        if found != expected || dim == 0 {
            let expected = format!("{expected:?}");
            return Err(CoreError::Shape { operation: OPERATION, expected, found }.into());
        }
    }
    Ok(())
}

/// The symmetric square root `[D, D]` of a covariance.
fn root(covariance: &Tensor) -> Result<Tensor> {
    let c = double(covariance);
    let size = c.abs().max().double_value(&[]);
    if !size.is_finite() {
        return Err(Error::NotFinite { operation: OPERATION });
    }
    let asymmetry = (&c - c.tr()).abs().max().double_value(&[]);
    if asymmetry > ROUNDING * size {
        let problem = format!("is not symmetric, largest difference: {asymmetry}");
        return Err(Error::NotACovariance { operation: OPERATION, problem });
    }
    let (values, vectors) =
        c.f_linalg_eigh("L").map_err(|source| Error::Torch { operation: OPERATION, source })?;
    let smallest = values.min().double_value(&[]);
    if smallest < -ROUNDING * size {
        let problem = format!("has a negative eigenvalue, found: {smallest}");
        return Err(Error::NotACovariance { operation: OPERATION, problem });
    }
    // The root of an eigenvalue that is round-off would be far larger than round-off.
    let noise = values.max().double_value(&[]) * values.numel() as f64 * f64::EPSILON;
    let values = values.where_scalarother(&values.gt(noise), 0.0);
    Ok((&vectors * values.sqrt()).matmul(&vectors.tr()))
}

fn double(x: &Tensor) -> Tensor {
    x.detach().to_kind(Kind::Double).to_device(Device::Cpu)
}

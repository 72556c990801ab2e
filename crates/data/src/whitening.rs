//! Whitening, the affine map that gives a set of rows mean 0 and covariance I.
//!
//! With the mean m and the covariance C = L Lᵀ of the rows, a row x becomes y = L⁻¹ (x − m). A flow of y starts as
//! the best Gaussian fit to x, however different the scales of x are. The densities differ by a constant, log ρ(x) =
//! log ρ(y) − log det L.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};

/// The map y = L⁻¹ (x − m) and its inverse.
#[derive(Debug)]
pub struct Whitening {
    /// m, `[D]`, and L, `[D, D]`, in double precision.
    map: Mutex<(Tensor, Tensor)>,
}

/// The numbers of a [`Whitening`] for a file. Each field is one text with the numbers separated by blanks, because
/// lists of them would fill thousands of lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhiteningNumbers {
    /// The mean m, D numbers.
    pub mean: String,
    /// The rows of the factor L, each up to the diagonal: D (D + 1)/2 numbers.
    pub factor: String,
}

impl Whitening {
    /// The map that whitens `rows`, `[N, D]`.
    ///
    /// # Errors
    /// [`Error::Rows`] if the covariance is singular: there are too few rows, or a column is determined by others.
    pub fn of(rows: &Tensor) -> Result<Self> {
        let rows = rows.to_kind(Kind::Double);
        let mean = rows.mean_dim(0i64, false, Kind::Double);
        let centred = &rows - &mean;
        let covariance = centred.tr().matmul(&centred) / rows.size()[0] as f64;
        let (factor, info) = covariance
            .f_linalg_cholesky_ex(false, false)
            .map_err(|source| Error::Torch { operation: "Cholesky factorisation", source })?;
        if info.int64_value(&[]) != 0 || factor.isfinite().all().int64_value(&[]) == 0 {
            let problem = "rows cannot be whitened, their covariance is singular".to_owned();
            return Err(Error::Rows { problem });
        }
        Ok(Self { map: Mutex::new((mean, factor)) })
    }

    /// The map with these numbers.
    ///
    /// # Errors
    /// [`Error::Rows`] if the mean is empty, the factor does not fill a triangle, a number is not finite, or one on
    /// the diagonal is not positive.
    pub fn from_numbers(numbers: &WhiteningNumbers) -> Result<Self> {
        let refuse = |problem: &str| Error::Rows { problem: format!("not a whitening: {problem}") };
        let parse = |text: &str| -> Option<Vec<f64>> {
            text.split_whitespace().map(|field| field.parse().ok().filter(|x: &f64| x.is_finite())).collect()
        };
        let mean = parse(&numbers.mean).filter(|mean| !mean.is_empty());
        let mean = mean.ok_or_else(|| refuse("its mean is not a list of numbers"))?;
        let lower = parse(&numbers.factor).ok_or_else(|| refuse("its factor is not a list of numbers"))?;
        let dim = mean.len();
        if lower.len() != dim * (dim + 1) / 2 {
            return Err(refuse(&format!("{} numbers cannot fill a triangle of {dim} rows", lower.len())));
        }
        let mut rest = &lower[..];
        let mut square = vec![0.0; dim * dim];
        for row in 0..dim {
            let (own, after) = rest.split_at(row + 1);
            square[row * dim..=row * dim + row].copy_from_slice(own);
            rest = after;
            if own[row] <= 0.0 {
                return Err(refuse("its factor's diagonal is not positive"));
            }
        }
        let factor = Tensor::from_slice(&square).view([dim as i64, dim as i64]);
        Ok(Self { map: Mutex::new((Tensor::from_slice(&mean), factor)) })
    }

    /// The numbers of the map, with all their digits.
    pub fn numbers(&self) -> WhiteningNumbers {
        let (mean, factor) = self.map(Device::Cpu);
        let dim = mean.size()[0];
        let text = |numbers: Vec<f64>| numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(" ");
        let lower = (0..dim).flat_map(|row| (0..=row).map(move |column| (row, column)));
        WhiteningNumbers {
            mean: text((0..dim).map(|d| mean.double_value(&[d])).collect()),
            factor: text(lower.map(|(row, column)| factor.double_value(&[row, column])).collect()),
        }
    }

    /// The dimension D of the rows.
    pub fn dim(&self) -> i64 {
        self.map(Device::Cpu).0.size()[0]
    }

    /// The whitened rows y of rows `x`, `[B, D]`, in their kind and on their device.
    pub fn whiten(&self, x: &Tensor) -> Tensor {
        let (mean, factor) = self.map(x.device());
        let centred = (x.to_kind(Kind::Double) - mean).tr();
        factor.linalg_solve_triangular(&centred, false, true, false).tr().contiguous().to_kind(x.kind())
    }

    /// The rows x for whitened rows `y`, `[B, D]`, in their kind and on their device.
    pub fn restore(&self, y: &Tensor) -> Tensor {
        let (mean, factor) = self.map(y.device());
        (y.to_kind(Kind::Double).matmul(&factor.tr()) + mean).to_kind(y.kind())
    }

    /// The log-Jacobian `log |det ∂y/∂x| = −log det L` in nats, to be added to the log-density of y to get that of x.
    pub fn log_jacobian(&self) -> f64 {
        -self.map(Device::Cpu).1.diagonal(0, 0, 1).log().sum(Kind::Double).double_value(&[])
    }

    fn map(&self, device: Device) -> (Tensor, Tensor) {
        let map = self.map.lock().unwrap_or_else(PoisonError::into_inner);
        (map.0.to_device(device), map.1.to_device(device))
    }
}

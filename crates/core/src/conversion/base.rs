//! The Gaussian base of a path, in the coordinates in which its covariance is diagonal.

use tch::Tensor;

use crate::density::constant::Constant;
use crate::density::{Gaussian, Sampler, StandardNormal};

/// The law of x0: N(0, I), or N(m, C) by its principal axes.
#[derive(Debug, Clone)]
pub struct GaussianBase {
    dim: i64,
    general: Option<Axes>,
}

/// Mean, `[D]`, principal axes, `[D, D]` by columns, and the variances along them, `[D]`.
#[derive(Debug, Clone)]
struct Axes {
    mean: Constant,
    directions: Constant,
    variances: Constant,
}

impl From<StandardNormal> for GaussianBase {
    fn from(law: StandardNormal) -> Self {
        Self { dim: law.dim, general: None }
    }
}

impl From<&Gaussian> for GaussianBase {
    fn from(law: &Gaussian) -> Self {
        let (variances, directions) = law.covariance().linalg_eigh("L");
        let general = Axes {
            mean: Constant::of(&law.mean()),
            directions: Constant::of(&directions),
            variances: Constant::of(&variances),
        };
        Self { dim: law.dim(), general: Some(general) }
    }
}

impl GaussianBase {
    /// The dimension D.
    pub(super) fn dim(&self) -> i64 {
        self.dim
    }

    /// Whether it is N(0, I).
    pub(super) fn is_standard(&self) -> bool {
        self.general.is_none()
    }

    /// The mean, `[D]`, if it is not zero, for use with `x`.
    pub(super) fn mean(&self, x: &Tensor) -> Option<Tensor> {
        self.general.as_ref().map(|law| law.mean.like(x))
    }

    /// `f(C) x` at points `x`, `[B, D]`: `f` is told the variances along the axes, `[1, D]`, and answers with
    /// one factor for each row and axis.
    pub(super) fn apply(&self, x: &Tensor, f: impl FnOnce(&Tensor) -> Tensor) -> Tensor {
        match &self.general {
            None => x * f(&Tensor::ones([1, 1], (x.kind(), x.device()))),
            Some(law) => {
                let directions = law.directions.like(x);
                let factors = f(&law.variances.like(x).unsqueeze(0));
                (x.matmul(&directions) * factors).matmul(&directions.tr())
            }
        }
    }
}

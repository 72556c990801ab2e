//! Optimal transport with an entropy, by Sinkhorn's iterations on logarithms.
//!
//! The plan `P_ij = exp((f_i + g_j − C_ij)/reg)` with marginals 1/n minimises `⟨P, C⟩ + reg Σ P (log P − 1)`; the
//! potentials f and g are found by fitting the rows' sums and the columns' sums in turn. On logarithms nothing under-
//! or overflows, however small the regularisation.

use tch::{Device, Kind, Tensor};

use crate::costs::Costs;
use crate::error::{Error, Result, check_range};

/// The regularisation, and when the iterations end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sinkhorn {
    /// The strength of the entropy, in the costs' units.
    pub reg: f64,
    /// The most iterations.
    pub max_iterations: u32,
    /// The marginals' error, `Σ_i |Σ_j P_ij − 1/n|`, at which they end.
    pub tolerance: f64,
}

/// Why Sinkhorn's iterations ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkhornStop {
    /// The marginals are right to the tolerance.
    Converged,
    /// All iterations were taken, and the marginals are not right.
    OutOfIterations,
}

/// A joint law of rows and columns.
#[derive(Debug)]
pub struct Plan {
    /// `log P`, `[n, n]`, in f64. The columns' sums are 1/n up to rounding.
    pub log_plan: Tensor,
    /// The error of the rows' sums, `Σ_i |Σ_j P_ij − 1/n|`.
    pub marginal_error: f64,
    /// The iterations taken.
    pub n_iterations: u32,
    /// Why no more were taken.
    pub stop: SinkhornStop,
}

impl Sinkhorn {
    /// Checks every number.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn check(&self) -> Result<()> {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        check_range("reg", "positive and finite", self.reg, positive(self.reg))?;
        check_range("tolerance", "positive and finite", self.tolerance, positive(self.tolerance))?;
        check_range("max_iterations", "positive", f64::from(self.max_iterations), self.max_iterations > 0)
    }

    /// The plan for `costs`, converged or not.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for settings that make no sense.
    pub fn plan(&self, costs: &Costs) -> Result<Plan> {
        self.check()?;
        let n = costs.n() as i64;
        let kernel = costs.tensor() / -self.reg;
        let share = -(n.max(1) as f64).ln();
        let (mut f, mut g) = (zeros(&[n, 1]), zeros(&[1, n]));
        let mut rows = kernel.logsumexp(1i64, true);
        let (mut marginal_error, mut n_iterations) = (f64::INFINITY, 0);
        while marginal_error > self.tolerance && n_iterations < self.max_iterations {
            f = share - &rows;
            g = share - (&kernel + &f).logsumexp(0i64, true);
            rows = (&kernel + &g).logsumexp(1i64, true);
            n_iterations += 1;
            marginal_error = ((&rows + &f).exp() - share.exp()).abs().sum(Kind::Double).double_value(&[]);
        }
        let stop = if marginal_error <= self.tolerance {
            SinkhornStop::Converged
        } else {
            SinkhornStop::OutOfIterations
        };
        Ok(Plan { log_plan: kernel + f + g, marginal_error, n_iterations, stop })
    }
}

impl Plan {
    /// The plan's own transport cost `⟨P, C⟩`, without the entropy.
    pub fn cost(&self, costs: &Costs) -> f64 {
        (self.log_plan.exp() * costs.tensor()).sum(Kind::Double).double_value(&[])
    }

    /// This plan, if its marginals are right.
    ///
    /// # Errors
    /// [`Error::NotConverged`].
    pub fn converged(self) -> Result<Self> {
        match self.stop {
            SinkhornStop::Converged => Ok(self),
            SinkhornStop::OutOfIterations => Err(Error::NotConverged {
                n_iterations: self.n_iterations,
                marginal_error: self.marginal_error,
            }),
        }
    }
}

fn zeros(shape: &[i64]) -> Tensor {
    Tensor::zeros(shape, (Kind::Double, Device::Cpu))
}

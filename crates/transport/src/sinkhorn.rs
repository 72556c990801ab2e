//! Optimal transport with an entropy term, by Sinkhorn's iterations on logarithms.
//!
//! The plan `P_ij = exp((f_i + g_j − C_ij)/reg)` with marginals 1/n minimises `⟨P, C⟩ + reg Σ P (log P − 1)`. The
//! potentials f and g are found by fitting the sums of the rows and of the columns in turn. On logarithms nothing
//! under- or overflows, however small the regularisation is.

use tch::{Device, Kind, Tensor};

use crate::costs::Costs;
use crate::error::{Error, Result, check_range};

/// The settings of Sinkhorn's iterations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sinkhorn {
    /// The strength of the entropy term, in the units of the costs; positive.
    pub reg: f64,
    /// The largest number of iterations.
    pub max_iterations: u32,
    /// The error of the marginals, `Σ_i |Σ_j P_ij − 1/n|`, at which the iterations end; positive.
    pub tolerance: f64,
}

/// Why Sinkhorn's iterations ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkhornStop {
    /// The error of the marginals reached the tolerance.
    Converged,
    /// The largest number of iterations was reached before the tolerance.
    OutOfIterations,
}

/// A plan: the joint law of rows and columns.
#[derive(Debug)]
pub struct Plan {
    /// `log P`, `[n, n]`, in f64. The columns' sums are 1/n up to rounding.
    pub log_plan: Tensor,
    /// The error of the sums of the rows, `Σ_i |Σ_j P_ij − 1/n|`.
    pub marginal_error: f64,
    /// The number of iterations taken.
    pub n_iterations: u32,
    /// Why the iterations ended.
    pub stop: SinkhornStop,
}

impl Sinkhorn {
    /// Rejects settings that make no sense.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] naming the setting.
    pub fn check(&self) -> Result<()> {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        check_range("reg", "positive and finite", self.reg, positive(self.reg))?;
        check_range("tolerance", "positive and finite", self.tolerance, positive(self.tolerance))?;
        check_range("max_iterations", "positive", f64::from(self.max_iterations), self.max_iterations > 0)
    }

    /// The plan for `costs`. It may not have converged, see [`Plan::stop`].
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
    /// The transport cost `⟨P, C⟩` of the plan, without the entropy term.
    pub fn cost(&self, costs: &Costs) -> f64 {
        (self.log_plan.exp() * costs.tensor()).sum(Kind::Double).double_value(&[])
    }

    /// This plan, if its iterations converged.
    ///
    /// # Errors
    /// [`Error::NotConverged`] if they did not.
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

//! Importance weights, which make samples of one law weighted samples of another.

use tch::{Kind, Tensor};

use crate::estimate::Estimate;
use crate::{Error, Result};

/// Importance weights of a flow's samples for a law whose density is known up to a factor.
#[derive(Debug)]
pub struct Importance {
    /// The logarithms of the weights, `[N]`; the weights sum to 1.
    pub log_weights: Tensor,
    /// The effective sample size (Σ w)²/Σ w² (Kong, 1992): as many samples of the law itself would estimate means as
    /// precisely.
    pub effective_size: f64,
    /// The logarithm in nats of the law's missing factor, the integral of its unnormalised density. The standard
    /// error is that of the mean weight relative to it.
    pub log_evidence: Estimate,
}

impl Importance {
    /// The weights of samples whose log-densities are `log_density`, `[N]`, under the flow and `log_target`, `[N]`,
    /// up to a constant, under the law. A `log_target` of −∞ gives the weight 0.
    ///
    /// # Errors
    /// [`Error::TooFew`] for fewer than two samples or shapes that differ, [`Error::NotFinite`] if a log-weight is
    /// NaN or +∞, or if all weights are 0.
    pub fn of(log_target: &Tensor, log_density: &Tensor) -> Result<Self> {
        const OPERATION: &str = "importance weights";
        let n = log_density.size().first().copied().unwrap_or(0);
        if log_density.dim() != 1 || log_target.size() != log_density.size() || n < 2 {
            return Err(Error::TooFew {
                operation: OPERATION,
                needed: 2,
                found: n.min(log_target.numel() as i64),
            });
        }
        let log_weights = log_target.to_kind(Kind::Double) - log_density.to_kind(Kind::Double);
        let unusable = log_weights.isnan().logical_or(&log_weights.isposinf());
        let sum = log_weights.logsumexp(0i64, false);
        if unusable.any().int64_value(&[]) != 0 || !sum.double_value(&[]).is_finite() {
            return Err(Error::NotFinite { operation: OPERATION });
        }
        let log_weights = log_weights - &sum;
        let weights = log_weights.exp();
        let square = weights.square().sum(Kind::Double).double_value(&[]);
        let relative = Estimate::from_values(&(weights * n as f64)).standard_error;
        let log_evidence =
            Estimate { mean: sum.double_value(&[]) - (n as f64).ln(), standard_error: relative };
        Ok(Self { log_weights, effective_size: 1.0 / square, log_evidence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use interflow_core::rng::Stream;

    /// Samples of N(0, 1) for 3 N(½, σ²): the effective size and the evidence in closed form.
    #[test]
    fn a_gaussian_is_reweighted_as_its_closed_form_says() {
        let n = 200_000;
        let x = Stream::named(0, "importance").at(0).normal(&[n], Kind::Double);
        let log_normal = |x: &Tensor, mean: f64, std: f64| {
            ((x - mean) / std).square() * -0.5 - std.ln() - 0.5 * std::f64::consts::TAU.ln()
        };
        let (mean, std): (f64, f64) = (0.5, 0.9);
        let found =
            Importance::of(&(log_normal(&x, mean, std) + 3f64.ln()), &log_normal(&x, 0.0, 1.0)).unwrap();
        // E[w²] = ∫ N(m, s²)²/N(0, 1) = exp(m²/(2 − s²)) / (s √(2 − s²)).
        let variance = std * std;
        let square = (mean * mean / (2.0 - variance)).exp() / (std * (2.0 - variance).sqrt());
        assert!((found.effective_size / n as f64 * square - 1.0).abs() < 0.02, "{found:?}");
        assert!(
            (found.log_evidence.mean - 3f64.ln()).abs() < 4.0 * found.log_evidence.standard_error,
            "{found:?}"
        );
        assert!((found.log_weights.logsumexp(0i64, false).double_value(&[])).abs() < 1e-9);
    }

    #[test]
    fn equal_laws_have_equal_weights_and_nonsense_is_refused() {
        let x = Tensor::from_slice(&[-1.0, -2.0, f64::NEG_INFINITY]);
        let same = Tensor::from_slice(&[-1.0, -2.0, -3.0]);
        let found = Importance::of(&(&same + 2.0), &same).unwrap();
        assert!((found.effective_size - 3.0).abs() < 1e-12 && (found.log_evidence.mean - 2.0).abs() < 1e-12);
        assert!((Importance::of(&x, &same).unwrap().effective_size - 2.0).abs() < 1e-12);
        assert!(Importance::of(&same, &x).is_err());
        assert!(Importance::of(&same, &same.narrow(0, 0, 2)).is_err());
        assert!(Importance::of(&same.full_like(f64::NEG_INFINITY), &same).is_err());
    }
}

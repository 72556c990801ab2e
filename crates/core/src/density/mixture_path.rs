//! The exact path between two Gaussian mixtures: every quantity that a network learns, in closed form.
//!
//! With an independent coupling, `x_t` is again a mixture, over pairs (i, j) of components, with weights
//! `p_i q_j`, means `μ = α m + β n` and covariances `Σ = α² C + β² S + γ² I`. Given the pair, `(ẋ_t, x_t)` is
//! jointly normal, so that with the responsibilities w(x) of the pairs
//! `v_t(x) = Σ w [α̇ m + β̇ n + (αα̇ C + ββ̇ S + γγ̇ I) Σ⁻¹(x − μ)]` and `s_t(x) = −Σ w Σ⁻¹(x − μ)`.
//! Only the product γγ̇ occurs, which is finite also where γ̇ is not: all holds on the closed [0, 1].

use std::sync::Arc;

use tch::Tensor;

use super::constant::Constant;
use super::gaussian::log_normalisers;
use super::{GaussianMixture, Sampler};
use crate::error::{Error, Result};
use crate::field::{Score, VectorField, Velocity};
use crate::interpolant::Interpolant;
use crate::shape::{check_path_times, check_placement, check_states};

/// The laws `ρ_t` between two Gaussian mixtures under an interpolant and the independent coupling.
///
/// Clones are handles on the same path.
#[derive(Debug, Clone)]
pub struct MixturePath {
    parts: Arc<Parts>,
}

/// The ends' numbers, repeated over the K0·K1 pairs of components.
#[derive(Debug)]
struct Parts {
    interpolant: Interpolant,
    dim: i64,
    log_weights: Constant,
    means: [Constant; 2],
    covariances: [Constant; 2],
}

/// What the velocity, the score and the density share at (t, x).
struct Posterior {
    /// The joint log-densities of pair and point, `[B, K]`.
    log_joint: Tensor,
    /// `Σ⁻¹(x − μ)`, `[B, K, D, 1]`.
    pull: Tensor,
}

impl MixturePath {
    /// The path from `rho0` to `rho1`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the mixtures differ in dimension, [`Error::Interpolant`] if the path has a correction.
    pub fn new(rho0: &GaussianMixture, rho1: &GaussianMixture, interpolant: Interpolant) -> Result<Self> {
        interpolant.check_uncorrected("a mixture path")?;
        let dim = rho0.dim();
        if rho1.dim() != dim {
            let (expected, found) = (format!("[K, {dim}]"), rho1.means().size());
            return Err(Error::Shape { operation: "mixture path", expected, found });
        }
        let (k0, k1) = (rho0.weights().len() as i64, rho1.weights().len() as i64);
        let first = |x: &Tensor| Constant::of(&x.repeat_interleave_self_int(k1, 0, k0 * k1));
        let second = |x: &Tensor| {
            let mut repeats = vec![1; x.dim()];
            repeats[0] = k0;
            Constant::of(&x.repeat(repeats))
        };
        let weights = Tensor::from_slice(rho0.weights()).outer(&Tensor::from_slice(rho1.weights()));
        let parts = Parts {
            interpolant,
            dim,
            log_weights: Constant::of(&weights.view(-1).log()),
            means: [first(&rho0.means()), second(&rho1.means())],
            covariances: [first(&rho0.covariances()), second(&rho1.covariances())],
        };
        Ok(Self { parts: Arc::new(parts) })
    }

    /// The dimension D.
    pub fn dim(&self) -> i64 {
        self.parts.dim
    }

    /// The path's interpolant.
    pub fn interpolant(&self) -> &Interpolant {
        &self.parts.interpolant
    }

    /// The exact velocity.
    pub fn velocity(&self) -> Velocity<MixtureVelocity> {
        Velocity(MixtureVelocity(self.clone()))
    }

    /// The exact score.
    pub fn score(&self) -> Score<MixtureScore> {
        Score(MixtureScore(self.clone()))
    }

    /// `log ρ_t(x)`, `[B]`, at times `t`, `[B]`, and points `x`, `[B, D]`.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::Kind`] for other points or times, [`Error::Time`] for times outside [0, 1].
    pub fn log_density(&self, t: &Tensor, x: &Tensor) -> Result<Tensor> {
        const OPERATION: &str = "the log-density of a mixture path";
        check_states(OPERATION, x, self.dim())?;
        check_path_times(OPERATION, t, x.size()[0])?;
        check_placement(OPERATION, t, (x.kind(), x.device()))?;
        Ok(self.parts.posterior(t, x).log_joint.logsumexp(1i64, false))
    }
}

impl Parts {
    fn posterior(&self, t: &Tensor, x: &Tensor) -> Posterior {
        let t = instants(t);
        let c = self.interpolant.schedule(&t);
        let mean = self.mean(&c.alpha, &c.beta, x);
        let gamma_squared = match self.interpolant.gamma() {
            Some(gamma) => gamma.coefficients(&t).gamma.square(),
            None => t.zeros_like(),
        };
        let covariance = self.covariance(&c.alpha.square(), &c.beta.square(), &gamma_squared, x);
        let factor = cholesky(&covariance);
        let centred = x.unsqueeze(1).unsqueeze(3) - mean;
        let pull = applied(&factor.cholesky_inverse(false), &centred);
        let squares = (centred * &pull).sum_dim_intlist([2i64, 3].as_slice(), false, x.kind());
        let log_joint = squares * -0.5 - log_normalisers(&factor) + self.log_weights.like(x);
        Posterior { log_joint, pull }
    }

    /// `a m + b n`, `[B, K, D, 1]`.
    fn mean(&self, a: &Tensor, b: &Tensor, x: &Tensor) -> Tensor {
        let [m, n] = &self.means;
        a * m.like(x).unsqueeze(2) + b * n.like(x).unsqueeze(2)
    }

    /// `a C + b S + c I`, `[B, K, D, D]`.
    fn covariance(&self, a: &Tensor, b: &Tensor, c: &Tensor, x: &Tensor) -> Tensor {
        let [c0, c1] = &self.covariances;
        a * c0.like(x) + b * c1.like(x) + c * Tensor::eye(self.dim, (x.kind(), x.device()))
    }

    fn velocity(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let posterior = self.posterior(t, x);
        let t = instants(t);
        let c = self.interpolant.schedule(&t);
        let gamma_gamma_dot = match self.interpolant.gamma() {
            Some(gamma) => gamma.coefficients(&t).gamma_gamma_dot,
            None => t.zeros_like(),
        };
        let drift = self.mean(&c.alpha_dot, &c.beta_dot, x);
        let slope = self.covariance(&(c.alpha * c.alpha_dot), &(c.beta * c.beta_dot), &gamma_gamma_dot, x);
        posterior.average(&(drift + applied(&slope, &posterior.pull)))
    }

    fn score(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let posterior = self.posterior(t, x);
        -posterior.average(&posterior.pull)
    }
}

/// The Cholesky factors of `[.., D, D]`, NaN where there is none, as at times beyond the path's ends: a solver that comes
/// there says so.
fn cholesky(covariance: &Tensor) -> Tensor {
    let (factor, info) = covariance.linalg_cholesky_ex(false, false);
    let failed = info.ne(0);
    if failed.any().int64_value(&[]) == 0 {
        return factor;
    }
    factor.masked_fill(&failed.unsqueeze(-1).unsqueeze(-1), f64::NAN)
}

/// Times as `[B, 1, 1, 1]`, or `[1, 1, 1, 1]` where all rows share one: matrices are then factorised once.
fn instants(t: &Tensor) -> Tensor {
    let t = t.view([-1, 1, 1, 1]);
    if t.size()[0] > 1 && t.min().equal(&t.max()) { t.narrow(0, 0, 1) } else { t }
}

/// Symmetric matrices `[B or 1, K, D, D]` times `y`, `[B, K, D, 1]`.
fn applied(matrices: &Tensor, y: &Tensor) -> Tensor {
    if matrices.size()[0] == y.size()[0] {
        return matrices.matmul(y);
    }
    let rows = y.squeeze_dim(3).transpose(0, 1);
    rows.matmul(&matrices.squeeze_dim(0)).transpose(0, 1).unsqueeze(3)
}

impl Posterior {
    /// The average `[B, D]` over the pairs of `values`, `[B, K, D, 1]`.
    fn average(&self, values: &Tensor) -> Tensor {
        let kind = values.kind();
        let responsibilities = self.log_joint.softmax(1, kind).unsqueeze(2);
        (values.squeeze_dim(3) * responsibilities).sum_dim_intlist(1i64, false, kind)
    }
}

/// The exact velocity of a [`MixturePath`].
#[derive(Debug, Clone)]
pub struct MixtureVelocity(MixturePath);

/// The exact score of a [`MixturePath`].
#[derive(Debug, Clone)]
pub struct MixtureScore(MixturePath);

impl VectorField for MixtureVelocity {
    fn dim(&self) -> i64 {
        self.0.dim()
    }

    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        self.0.parts.velocity(t, x)
    }
}

impl VectorField for MixtureScore {
    fn dim(&self) -> i64 {
        self.0.dim()
    }

    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        self.0.parts.score(t, x)
    }
}

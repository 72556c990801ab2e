//! Preconditioning: the closed-form velocity of a Gaussian with the data's moments, which a network corrects.
//!
//! Between N(0, I) and N(m, S) the velocity is linear in x,
//!
//! ```text
//! v_G(t, x) = β̇ m + (α α̇ I + β β̇ S + γ γ̇ I)(α² I + β² S + γ² I)⁻¹ (x − β m),
//! ```
//!
//! and along the principal axes of S it is a number for each axis. A network whose output starts at zero makes
//! the flow start as the best Gaussian model of the data, and learns only what that leaves: for images and
//! tables, whose variances along different axes differ by orders of magnitude, that is the smaller part. What the
//! Gaussian contributes to a divergence is exact and costs nothing.

use std::sync::Arc;

use interflow_core::interpolant::Interpolant;
use interflow_core::rng::Draw;
use interflow_core::{Network, Parameters, VectorField, shape};
use interflow_libtorch::without_autocast;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::Result;

/// What a network corrects, as written in a config.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum PreconditionConfig {
    /// The velocity from N(0, I) to the Gaussian with the training rows' mean and covariance.
    Gaussian {},
}

/// The least variance along an axis, as a share of the largest: degenerate data keep the velocity finite.
const LEAST_VARIANCE: f64 = 1e-7;

/// A Gaussian by its principal axes.
#[derive(Debug)]
pub struct PrincipalAxes {
    /// The mean m, `[D]`.
    mean: Tensor,
    /// Axes by columns, `[D, D]`.
    directions: Tensor,
    /// The variance along each, `[D]`.
    variances: Tensor,
}

impl PrincipalAxes {
    /// The axes of N(`mean`, `covariance`), `[D]` and `[D, D]`, in double precision.
    ///
    /// # Errors
    /// [`interflow_core::Error::Shape`] if the shapes do not go together; [`crate::Error::Torch`] if libtorch finds
    /// no axes, for a covariance with a NaN.
    pub fn of(mean: &Tensor, covariance: &Tensor) -> Result<Self> {
        let dim = mean.numel() as i64;
        shape::check_same("principal axes", &mean.unsqueeze(1).expand([dim, dim], false), covariance)?;
        let failed = |source| crate::Error::Torch { operation: "principal axes", source };
        let (variances, directions) = covariance.to_kind(Kind::Double).f_linalg_eigh("L").map_err(failed)?;
        let least = variances.max().double_value(&[]) * LEAST_VARIANCE;
        Ok(Self { mean: mean.to_kind(Kind::Double), directions, variances: variances.clamp_min(least) })
    }

    /// Those of N(0, I), to be overwritten by a checkpoint's.
    pub fn standard(dim: i64) -> Self {
        let options = (Kind::Double, Device::Cpu);
        Self {
            mean: Tensor::zeros([dim], options),
            directions: Tensor::eye(dim, options),
            variances: Tensor::ones([dim], options),
        }
    }

    /// Copies for a network's weights of the given kind on the given device.
    fn fix_in(&self, parameters: &mut Parameters, (kind, device): (Kind, Device)) -> Self {
        let mut fix = |name: &str, x: &Tensor| parameters.fix(name, &x.to_device(device).to_kind(kind));
        Self {
            mean: fix("gaussian.mean", &self.mean),
            directions: fix("gaussian.directions", &self.directions),
            variances: fix("gaussian.variances", &self.variances),
        }
    }
}

/// A velocity `v_G + f`, with a network f.
pub struct GaussianResidual {
    network: Box<dyn Network>,
    interpolant: Arc<Interpolant>,
    axes: PrincipalAxes,
    parameters: Parameters,
}

impl GaussianResidual {
    /// The flow between N(0, I) and the Gaussian under `interpolant`, corrected by `network`. The Gaussian's numbers
    /// become part of the network's: saved, and not trained.
    ///
    /// # Errors
    /// [`interflow_core::Error::Shape`] if the Gaussian has another dimension than the network.
    pub fn new(network: Box<dyn Network>, interpolant: Interpolant, axes: &PrincipalAxes) -> Result<Self> {
        shape::check_points("preconditioning", &axes.directions, network.dim())?;
        let options = (network.parameters().kind(), network.parameters().device());
        let mut parameters = Parameters::new();
        parameters.include("", network.parameters());
        let axes = axes.fix_in(&mut parameters, options);
        Ok(Self { network, interpolant: Arc::new(interpolant), axes, parameters })
    }

    /// What `v_G` does along each axis at times `t`, `[B]`: the factors `[B, D]`, and the paths' mean `β m` and its
    /// derivative `β̇ m`, both `[B, D]`.
    fn coefficients(&self, t: &Tensor) -> (Tensor, Tensor, Tensor) {
        let c = self.interpolant.coefficients(&t.unsqueeze(1));
        let (path, variances) = (&c.schedule, self.axes.variances.unsqueeze(0));
        let mut spread = path.alpha.square() + path.beta.square() * &variances;
        let mut slope = &path.alpha * &path.alpha_dot + &path.beta * &path.beta_dot * variances;
        if let Some(latent) = &c.latent {
            spread += latent.gamma.square();
            slope += &latent.gamma_gamma_dot;
        }
        let mean = self.axes.mean.unsqueeze(0);
        (slope / spread, &path.beta * &mean, &path.beta_dot * mean)
    }

    /// `Q f Qᵀ u` for one factor f per row and axis, `[B, D]`. In the weights' precision: the factors are large where
    /// a variance is small, and bfloat16 would turn them into noise.
    fn along_axes(&self, factors: &Tensor, u: &Tensor) -> Tensor {
        let q = &self.axes.directions;
        let product = || (u.matmul(q) * factors).matmul(&q.tr());
        // A device that cannot cast has nothing to switch off.
        without_autocast(u.device(), product).unwrap_or_else(|_| product())
    }

    fn gaussian(&self, t: &Tensor, x: &Tensor) -> (Tensor, Tensor) {
        let (factors, mean, mean_dot) = self.coefficients(t);
        (self.along_axes(&factors, &(x - mean)) + mean_dot, factors)
    }
}

impl VectorField for GaussianResidual {
    fn dim(&self) -> i64 {
        self.network.dim()
    }

    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        self.gaussian(t, x).0 + self.network.value(t, x)
    }

    fn value_and_quadratic_form(&self, t: &Tensor, x: &Tensor, u: &Tensor) -> (Tensor, Tensor) {
        let (value, form) = self.network.value_and_quadratic_form(t, x, u);
        let (gaussian, factors) = self.gaussian(t, x);
        let own =
            (u.matmul(&self.axes.directions).square() * factors).sum_dim_intlist(1i64, false, None::<Kind>);
        (value + gaussian, form + own)
    }

    fn value_and_divergence(&self, t: &Tensor, x: &Tensor) -> (Tensor, Tensor) {
        let (value, divergence) = self.network.value_and_divergence(t, x);
        let (gaussian, factors) = self.gaussian(t, x);
        (value + gaussian, divergence + factors.sum_dim_intlist(1i64, false, None::<Kind>))
    }
}

impl Network for GaussianResidual {
    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    fn hidden_matrices(&self) -> Vec<String> {
        self.network.hidden_matrices()
    }

    fn value_in_training(&self, t: &Tensor, x: &Tensor, draw: &mut Draw) -> Tensor {
        self.gaussian(t, x).0 + self.network.value_in_training(t, x, draw)
    }

    fn duplicate(&self) -> interflow_core::Result<Box<dyn Network>> {
        let network = self.network.duplicate()?;
        let mut parameters = Parameters::new();
        parameters.include("", network.parameters());
        let options = (parameters.kind(), parameters.device());
        let axes = self.axes.fix_in(&mut parameters, options);
        Ok(Box::new(Self { network, interpolant: self.interpolant.clone(), axes, parameters }))
    }
}

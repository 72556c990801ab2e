//! Preconditioning: a network in the coordinates of a Gaussian with the data's moments, whose closed-form velocity
//! it corrects.
//!
//! Between N(0, I) and N(m, S) the velocity is linear in x,
//!
//! ```text
//! v_G(t, x) = β̇ m + (α α̇ I + β β̇ S + γ γ̇ I)(α² I + β² S + γ² I)⁻¹ (x − β m),
//! ```
//!
//! and along the principal axes of S, the columns of Q, it is a number for each axis. With s² = α² + β² λ + γ² the
//! variance of x along an axis on which the data's is λ, a network F gives the velocity
//!
//! ```text
//! v(t, x) = v_G(t, x) + Q c Qᵀ F(t, Q s⁻¹ Qᵀ (x − β m)),    c = |α̇ β − α β̇| α β √λ / s².
//! ```
//!
//! F sees a unit variance along every axis at every time. Images need that: all but a few per cent of an image's
//! variance lie along its smoothest axes, and what a Gaussian does not say lies along the others. c is the scale
//! on which the data can differ from the Gaussian. The part α/s of x is noise, the part β√λ/s data, and along an axis
//! with little of either there is little to tell apart: c is largest where the two are alike, and zero at both
//! ends, where `v_G` is exact. \[KAAL22\] scale a network's input and output so for one variance of all axes.
//!
//! A network whose output starts at zero makes the flow start as the best Gaussian model of the data. A flow map corrects
//! the Gaussian's own jumps and average divergences likewise.

mod jump_factors;
mod jumps;

use std::sync::Arc;

use interflow_core::flow_map::FlowMap;
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::Draw;
use interflow_core::{Given, Network, Parameters, Space, shape};
use interflow_libtorch::without_autocast;
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use crate::error::Result;
use crate::principal_axes::{AxesKind, PrincipalAxes};

/// The closed-form velocity that a network corrects, as written in a config.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum PreconditionConfig {
    /// The velocity from N(0, I) to the Gaussian with the mean and the variances of the training points.
    Gaussian {
        /// The axes along which the Gaussian has variances of their own.
        #[serde(default)]
        axes: AxesKind,
    },
}

/// A velocity `v_G + Q c Qᵀ F` with a network F. Its derivatives come from backward passes, D of them for the exact
/// divergence, because Q mixes the inputs and outputs of F, so that forward tangents of F alone do not suffice.
#[derive(Debug)]
pub struct GaussianResidual {
    network: Box<dyn Network>,
    interpolant: Arc<Interpolant>,
    axes: PrincipalAxes,
    parameters: Parameters,
}

impl GaussianResidual {
    /// The velocity between N(0, I) and the Gaussian along `interpolant`, corrected by `network`. The numbers of the
    /// Gaussian become part of the network's: they are saved, but not trained.
    ///
    /// # Errors
    /// [`interflow_core::Error::Shape`] if the Gaussian has another dimension than the network.
    pub fn new(network: Box<dyn Network>, interpolant: Interpolant, axes: &PrincipalAxes) -> Result<Self> {
        shape::check_points("preconditioning", &axes.mean().unsqueeze(0), network.space().dim)?;
        let options = (network.parameters().kind(), network.parameters().device());
        let mut parameters = Parameters::new();
        parameters.include("", network.parameters());
        let axes = axes.fix_in(&mut parameters, options);
        Ok(Self { network, interpolant: Arc::new(interpolant), axes, parameters })
    }

    /// `(x − β m) Q` for points `x`, `[B, D]`, and what becomes of it at their times.
    fn along_axes(&self, t: &Tensor, x: &Tensor) -> (Tensor, Factors) {
        let c = self.interpolant.coefficients(&t.unsqueeze(1));
        let (path, variances) = (&c.schedule, self.axes.variances().unsqueeze(0));
        let mut square = path.alpha.square() + path.beta.square() * &variances;
        let mut slope = &path.alpha * &path.alpha_dot + &path.beta * &path.beta_dot * &variances;
        if let Some(latent) = &c.latent {
            square += latent.gamma.square();
            slope += &latent.gamma_gamma_dot;
        }
        let turn = (&path.alpha_dot * &path.beta - &path.alpha * &path.beta_dot).abs();
        let correction = turn * &path.alpha * &path.beta * variances.sqrt() / &square;
        let mean = self.axes.mean().unsqueeze(0);
        let y = self.axes.along(&(x - &path.beta * &mean));
        let factors = Factors {
            input: square.rsqrt(),
            gaussian: slope / square,
            correction,
            mean_derivative: &path.beta_dot * mean,
        };
        (y, factors)
    }

    /// The velocity with what `network` makes of times and inputs.
    fn velocity(&self, t: &Tensor, x: &Tensor, network: impl FnOnce(&Tensor, &Tensor) -> Tensor) -> Tensor {
        // In the weights' precision: the factors are large where a variance is small, and bfloat16 would turn them
        // into noise.
        let (y, factors, input) = exactly(x.device(), || {
            let (y, factors) = self.along_axes(t, x);
            let input = self.axes.back(&(&y * &factors.input));
            (y, factors, input)
        });
        let output = network(t, &input).to_kind(x.kind());
        exactly(x.device(), || {
            let correction = self.axes.along(&output) * &factors.correction;
            self.axes.back(&(&y * &factors.gaussian + correction)) + &factors.mean_derivative
        })
    }
}

/// What belongs to each axis at each time, `[B, D]`.
struct Factors {
    /// 1/s, from points to the network's inputs.
    input: Tensor,
    /// From points to the Gaussian's velocity.
    gaussian: Tensor,
    /// c, from the network's outputs to velocities.
    correction: Tensor,
    /// β̇ m, in the data's own coordinates.
    mean_derivative: Tensor,
}

/// What `body` yields without mixed precision.
fn exactly<T>(device: Device, body: impl Fn() -> T) -> T {
    // A device that cannot cast has nothing to switch off.
    without_autocast(device, &body).unwrap_or_else(|_| body())
}

impl Network for GaussianResidual {
    fn space(&self) -> Space {
        self.network.space()
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    fn hidden_matrices(&self) -> Vec<String> {
        self.network.hidden_matrices()
    }

    fn value(&self, t: &Tensor, x: &Tensor, given: &Given) -> Tensor {
        self.velocity(t, x, |t, x| self.network.value(t, x, given))
    }

    fn value_in_training(&self, t: &Tensor, x: &Tensor, given: &Given, draw: &mut Draw) -> Tensor {
        self.velocity(t, x, |t, x| self.network.value_in_training(t, x, given, draw))
    }

    fn flow_map(&self) -> Option<&dyn FlowMap> {
        self.network.flow_map().map(|_| self as &dyn FlowMap)
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

//! The gradient of a flow's likelihood in the network's weights: what maximum-likelihood training of a
//! continuous flow needs (Chen et al. 2018, Grathwohl et al. 2019).
//!
//! The divergence is Hutchinson's estimate with probes held fixed along each trajectory; the batch shares its
//! steps, as in the published implementations, because the integral of the gradient is one for all samples.

mod adjoint;
mod direct;
mod hutchinson;
mod shared_steps;

use interflow_core::density::Density;
use interflow_core::{Network, shape};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::{Result, Solver, Statistics};

/// How the gradient travels back along the trajectories.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Sensitivity {
    /// Backpropagation through the steps that the solver took, each recomputed from its saved start: the exact
    /// gradient of the computed number.
    Direct,
    /// The adjoint equation, integrated anew with steps of its own: memory does not grow with the steps, and
    /// the gradient is exact up to the tolerance.
    #[default]
    Adjoint,
}

/// A batch's mean negative log-likelihood with its gradient.
#[derive(Debug)]
pub struct LikelihoodGradient {
    /// The mean negative log-likelihood in nats, a scalar.
    pub nll: Tensor,
    /// Its gradient in the network's parameters, in their order.
    pub gradient: Vec<Tensor>,
    /// The cost of the likelihood.
    pub forward: Statistics,
    /// The cost of the gradient: steps of the adjoint equation, or calls of the steps' recomputation.
    pub backward: Statistics,
}

/// The mean of `−log ρ1(x)` over a batch under the flow of `network` with density `base` at time 0, and its
/// gradient.
///
/// # Shapes
/// `x` and `probes`, of zero mean and unit covariance, are `[B, D]` with B > 0.
///
/// # Errors
/// A wrong shape, a non-finite number, a step limit, or a backward pass that libtorch refuses.
pub fn likelihood_gradient(
    solver: &Solver,
    network: &dyn Network,
    base: &dyn Density,
    probes: &Tensor,
    x: &Tensor,
    sensitivity: Sensitivity,
) -> Result<LikelihoodGradient> {
    shape::check_points("likelihood_gradient", x, network.dim())?;
    shape::check_same("likelihood_gradient", x, probes)?;
    let problem = Problem { solver, network, base, probes };
    let batch = x.size()[0].max(1) as f64;
    let steps = direct::forward(&problem, x)?;
    let (nll, slope) = direct::end(&problem, &steps.end)?;
    let (mut gradient, backward) = match sensitivity {
        Sensitivity::Direct => direct::backward(&problem, &steps, &slope)?,
        Sensitivity::Adjoint => adjoint::backward(&problem, &steps.end, &slope)?,
    };
    for part in &mut gradient {
        *part /= batch;
    }
    Ok(LikelihoodGradient { nll: nll / batch, gradient, forward: steps.statistics, backward })
}

/// What both ways back need.
struct Problem<'a> {
    solver: &'a Solver,
    network: &'a dyn Network,
    base: &'a dyn Density,
    probes: &'a Tensor,
}

/// The gradients of a scalar in `inputs`.
fn backward_pass(value: &Tensor, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    Tensor::f_run_backward(&[value], inputs, false, false)
        .map_err(|source| interflow_core::Error::Torch { operation: "backward pass", source }.into())
}

//! The gradient of a flow's likelihood with respect to the network's weights, as maximum-likelihood training of a
//! continuous flow needs it (Chen et al. 2018, Grathwohl et al. 2019).
//!
//! The divergence is Hutchinson's estimate with probes that are fixed along each trajectory. All rows of the batch
//! share their steps, as in the published implementations, because the integral of the gradient is one for all of
//! them.

mod adjoint;
mod direct;
mod hutchinson;
mod shared;

use interflow_core::density::Density;
use interflow_core::{Parameters, VectorField, shape};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::error::Result;
use crate::likelihood;
use crate::solution::Statistics;
use crate::solver::Solver;

/// How the gradient is computed along the trajectories.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Sensitivity {
    /// By backpropagation through the steps that the solver took, each recomputed from its saved start: the exact
    /// gradient of the computed likelihood.
    Direct,
    /// By the adjoint equation, integrated backwards with steps of its own: memory does not grow with the number of
    /// steps, and the gradient is exact up to the tolerance.
    #[default]
    Adjoint,
}

/// The flow whose likelihood is differentiated.
#[derive(Debug, Clone, Copy)]
pub struct TrainableFlow<'a> {
    /// The velocity, which knows the conditions of the batch already.
    pub field: &'a dyn VectorField,
    /// The weights of the velocity.
    pub parameters: &'a Parameters,
    /// The density of the base, at time 0.
    pub base: &'a dyn Density,
    /// Hutchinson's probes for the rows of the batch, `[B, D]`, with mean zero and unit covariance.
    pub probes: &'a Tensor,
}

/// The mean negative log-likelihood (NLL) of a batch, with its gradient.
#[derive(Debug)]
pub struct LikelihoodGradient {
    /// The mean NLL in nats, a scalar.
    pub nll: Tensor,
    /// The gradient with respect to each trained weight, in their order; zero for weights on which the NLL does not
    /// depend.
    pub gradient: Vec<Tensor>,
    /// The cost of the likelihood. Steps are counted once for the batch, whose rows share them.
    pub forward: Statistics,
    /// The cost of the gradient: the steps of the adjoint equation, or the calls that recompute steps.
    pub backward: Statistics,
}

/// The mean of `−log ρ1(x)` over a batch under a flow, with its gradient with respect to the weights.
///
/// # Shapes
/// `x` is `[B, D]` with B > 0.
///
/// # Errors
/// If a shape does not fit, a number is not finite, the steps run out, or libtorch fails in the backward pass.
pub fn likelihood_gradient(
    solver: &Solver,
    flow: &TrainableFlow<'_>,
    x: &Tensor,
    sensitivity: Sensitivity,
) -> Result<LikelihoodGradient> {
    flow.field.check_points("likelihood_gradient", x)?;
    shape::check_like("likelihood_gradient", x, flow.probes)?;
    likelihood::check_base(flow.base, flow.field.dim())?;
    let batch = x.size()[0].max(1) as f64;
    let path = direct::forward(solver, flow, x)?;
    let (nll, slope) = direct::end(flow, &path.end)?;
    let (mut gradient, backward) = match sensitivity {
        Sensitivity::Direct => direct::backward(solver, flow, &path, &slope)?,
        Sensitivity::Adjoint => adjoint::backward(solver, flow, &path.end, &slope)?,
    };
    for part in &mut gradient {
        *part /= batch;
    }
    Ok(LikelihoodGradient { nll: nll / batch, gradient, forward: path.statistics, backward })
}

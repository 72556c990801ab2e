//! The gradient of a flow's likelihood in the network's weights: what maximum-likelihood training of a
//! continuous flow needs (Chen et al. 2018, Grathwohl et al. 2019).
//!
//! The divergence is Hutchinson's estimate with probes held fixed along each trajectory; the batch shares its
//! steps, as in the published implementations, because the integral of the gradient is one for all samples.

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

/// The flow whose likelihood is differentiated.
#[derive(Clone, Copy)]
pub struct TrainableFlow<'a> {
    /// The velocity with the batch's conditions bound.
    pub field: &'a dyn VectorField,
    /// The weights that the velocity depends on.
    pub parameters: &'a Parameters,
    /// The density at time 0.
    pub base: &'a dyn Density,
    /// Hutchinson's probes of the batch's rows, `[B, D]`, of zero mean and unit covariance.
    pub probes: &'a Tensor,
}

/// A batch's mean negative log-likelihood with its gradient.
#[derive(Debug)]
pub struct LikelihoodGradient {
    /// The mean negative log-likelihood in nats, a scalar.
    pub nll: Tensor,
    /// Its gradient in the trained weights, in their order; zero in those that it does not depend on.
    pub gradient: Vec<Tensor>,
    /// The cost of the likelihood; steps are counted once for the batch, which shares them.
    pub forward: Statistics,
    /// The cost of the gradient: steps of the adjoint equation, or calls of the steps' recomputation.
    pub backward: Statistics,
}

/// The mean of `−log ρ1(x)` over a batch under a flow, and its gradient.
///
/// # Shapes
/// `x` is `[B, D]` with B > 0.
///
/// # Errors
/// A wrong shape, a non-finite number, a step limit, or a backward pass that libtorch refuses.
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

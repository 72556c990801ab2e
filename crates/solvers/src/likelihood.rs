//! The log-density a flow gives: `log ρ_t(x) = log ρ_0(x_0) − ∫_0^t ∇·v_τ(x_τ) dτ` along the trajectory
//! through `x` at time `t`.

use interflow_core::VectorField;
use interflow_core::density::Density;
use tch::Tensor;

use crate::divergence::{Divergence, WithDivergence};
use crate::error::Result;
use crate::options::SolveOptions;
use crate::solution::Statistics;
use crate::solver::Solver;

/// The log-density of points under a flow.
#[derive(Debug)]
pub struct LogDensity {
    /// `log ρ_t(x)` in nats, `[B]`.
    pub log_density: Tensor,
    /// The points at time 0 whose trajectories pass through `x`, `[B, D]`.
    pub base_point: Tensor,
    /// The cost.
    pub statistics: Statistics,
}

/// `log ρ_t(x)` of the flow of `field` with density `base` at time 0.
///
/// # Shapes
/// `x` is `[B, D]`.
///
/// # Errors
/// As [`Solver::solve_with_divergence`].
pub fn log_density(
    solver: &Solver,
    field: &dyn VectorField,
    base: &dyn Density,
    divergence: &Divergence,
    x: &Tensor,
    t: f64,
) -> Result<LogDensity> {
    let term = WithDivergence::new(field, divergence);
    let found = solver.integrate(&term, x, (t, 0.0), &SolveOptions::default())?;
    let dim = field.dim();
    let (base_point, integral) =
        (found.y.narrow(1, 0, dim).contiguous(), found.y.select(1, dim).contiguous());
    let log_density = tch::no_grad(|| base.log_density(&base_point) + integral);
    Ok(LogDensity { log_density, base_point, statistics: found.statistics })
}

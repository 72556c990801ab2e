//! The log-density of a flow: `log ρ_t(x) = log ρ_0(x_0) − ∫_0^t ∇·v_τ(x_τ) dτ` along the trajectory through `x` at
//! time `t`.

use interflow_core::density::Density;
use interflow_core::{VectorField, shape};
use tch::Tensor;

use crate::divergence::Divergence;
use crate::error::Result;
use crate::solution::{Solution, Statistics};
use crate::solver::Solver;

/// The log-density of points under a flow.
#[derive(Debug)]
pub struct LogDensity {
    /// `log ρ_t(x)` in nats, `[B]`.
    pub log_density: Tensor,
    /// The points at time 0 whose trajectories pass through `x`, `[B, D]`.
    pub base_point: Tensor,
    /// The cost of the solve.
    pub statistics: Statistics,
}

/// `log ρ_t(x)` of the flow of `field` with density `base` at time 0.
///
/// # Shapes
/// `x` is `[B, D]`.
///
/// # Errors
/// As [`Solver::solve_with_divergence`]; [`crate::Error::Core`] for a base of another dimension.
pub fn log_density(
    solver: &Solver,
    field: &dyn VectorField,
    base: &dyn Density,
    divergence: &Divergence,
    x: &Tensor,
    t: f64,
) -> Result<LogDensity> {
    check_base(base, field.dim())?;
    let Solution { x: base_point, divergence_integral, statistics } =
        solver.solve_with_divergence(field, divergence, x, t, 0.0)?;
    let log_density = tch::no_grad(|| log_density_of_base(base, &base_point))?;
    let log_density = match divergence_integral {
        Some(integral) => log_density + integral,
        None => log_density,
    };
    Ok(LogDensity { log_density, base_point, statistics })
}

/// Carries base points `x`, `[B, D]` at time 0, to time `t` and computes `log ρ_t` there in the same solve.
///
/// # Errors
/// As [`log_density`].
pub fn push_log_density(
    solver: &Solver,
    field: &dyn VectorField,
    base: &dyn Density,
    divergence: &Divergence,
    x: &Tensor,
    t: f64,
) -> Result<Pushed> {
    check_base(base, field.dim())?;
    let at_base = tch::no_grad(|| log_density_of_base(base, x))?;
    let Solution { x, divergence_integral, statistics } =
        solver.solve_with_divergence(field, divergence, x, 0.0, t)?;
    let log_density = match divergence_integral {
        Some(integral) => at_base - integral,
        None => at_base,
    };
    Ok(Pushed { x, log_density, statistics })
}

/// Points that were carried from the base, with their log-densities.
#[derive(Debug)]
pub struct Pushed {
    /// The points at time t, `[B, D]`.
    pub x: Tensor,
    /// `log ρ_t(x)` in nats, `[B]`.
    pub log_density: Tensor,
    /// The cost of the solve.
    pub statistics: Statistics,
}

/// Refuses a base of another dimension than that of the flow's field.
pub(crate) fn check_base(base: &dyn Density, dim: i64) -> Result<()> {
    if base.dim() == dim {
        return Ok(());
    }
    let (expected, found) = (format!("a law of points [{dim}]"), vec![base.dim()]);
    Err(interflow_core::Error::Shape { operation: "the density of the base", expected, found }.into())
}

/// The log-density of the base at points `[B, D]`, which is to be one number for each, `[B]`.
pub(crate) fn log_density_of_base(base: &dyn Density, x: &Tensor) -> Result<Tensor> {
    let log_density = base.log_density(x)?;
    shape::check_same("the log-density of the base", &x.select(1, 0), &log_density)?;
    Ok(log_density)
}

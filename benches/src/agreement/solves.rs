//! The solvers of ordinary equations: every method, steps by error, saves, events, densities and likelihoods' gradients.

use std::sync::Arc;

use interflow_core::density::StandardNormal;
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Given, Network};
use interflow_models::{MlpConfig, ModelConfig};
use interflow_solvers::{
    Divergence, Event, Failures, FieldTerm, Method, PiController, Sensitivity, Shared, SolveOptions, Solver,
    SolverConfig, Stepping, TrainableFlow, WithIntegral, likelihood_gradient, log_density,
};
use tch::{Kind, Tensor};

use super::mathematics::from_normal;
use super::{Check, Found, Place, Tolerance, Values};

pub(super) const CHECKS: &[Check] = &[
    Check::new("solvers/equal-steps", equal_steps).within(Tolerance::Rounding(10.0)),
    Check::new("solvers/steps-by-error", steps_by_error).within(Tolerance::Rounding(30.0)),
    Check::new("solvers/shared-steps", shared_steps).within(Tolerance::Rounding(30.0)),
    Check::new("solvers/saves-events-failures", saves_and_events).within(Tolerance::Rounding(30.0)),
    Check::new("solvers/exact-log-density", exact_log_density).within(Tolerance::Rounding(30.0)),
    Check::new("solvers/estimated-log-density", estimated_log_density).within(Tolerance::Rounding(30.0)),
    Check::new("solvers/log-density-of-a-closed-form", closed_form).within(Tolerance::Rounding(100.0)),
    Check::new("solvers/likelihood-gradient", gradient_of_likelihood).within(Tolerance::Rounding(100.0)),
];

const DIM: i64 = 4;
const ROWS: i64 = 40;

fn network(place: Place) -> anyhow::Result<Box<dyn Network>> {
    place.network(&ModelConfig::Mlp(MlpConfig::new(vec![48, 48])), DIM)
}

/// The solver of a method, with steps by errors of 1e-6 unless equal steps are asked for.
fn solver(method: Method, steps: Option<u32>) -> anyhow::Result<Solver> {
    Ok(SolverConfig { method, steps, rtol: 1e-6, atol: 1e-6, ..SolverConfig::default() }.build()?)
}

fn equal_steps(place: Place) -> Found {
    let network = network(place)?;
    let (field, x) = (network.at(&Given::Nothing), place.normal(0, &[ROWS, DIM]));
    Method::ALL.into_iter().try_fold(Values::new(), |values, method| {
        let found = solver(method, Some(12))?.solve(&field, &x, 0.0, 1.0)?;
        Ok(values.with(format!("{method:?}"), &found.x))
    })
}

fn steps_by_error(place: Place) -> Found {
    let network = network(place)?;
    let (field, x) = (network.at(&Given::Nothing), place.normal(0, &[ROWS, DIM]));
    [Method::Bosh3, Method::Dopri5, Method::Tsit5].into_iter().try_fold(Values::new(), |values, method| {
        let there = solver(method, None)?.solve(&field, &x, 0.0, 1.0)?.x;
        let back = solver(method, None)?.solve(&field, &there, 1.0, 0.0)?.x;
        Ok(values.with(format!("{method:?}"), &there).with(format!("{method:?} backwards"), &back))
    })
}

fn shared_steps(place: Place) -> Found {
    let network = network(place)?;
    let (field, x) = (network.at(&Given::Nothing), place.normal(0, &[ROWS, DIM]));
    let tableau = Method::Tsit5.tableau();
    let controller = Arc::new(Shared(Arc::new(PiController::new(1e-6, 1e-6, tableau.order()))));
    let solver = Solver::new(tableau, Stepping::Adaptive { controller, max_steps: 1000 })?;
    Ok(Values::new().with("the end", &solver.solve(&field, &x, 0.0, 1.0)?.x))
}

/// Saves between steps, the path length beside the points, a row that stops at an event and one that is not finite.
fn saves_and_events(place: Place) -> Found {
    let network = network(place)?;
    let field = network.at(&Given::Nothing);
    let x = place.normal(0, &[ROWS, DIM]);
    let _ = x.get(3).fill_(f64::NAN);
    let _ = x.get(4).fill_(0.1);
    let speed =
        |_: &Tensor, _: &Tensor, rate: &Tensor| rate.square().sum_dim_intlist(1i64, false, None).sqrt();
    let term = WithIntegral::new(FieldTerm::new(&field), &speed);
    let leaves =
        |_: &Tensor, y: &Tensor| y.narrow(1, 0, DIM).square().sum_dim_intlist(1i64, false, None) - 6.0;
    let options = SolveOptions {
        save_at: &[0.0, 0.3, 0.7, 1.0],
        events: &[&leaves as &dyn Event],
        failures: Failures::Keep,
    };
    let found = solver(Method::Dopri5, None)?.integrate(&term, &x, 0.0, 1.0, &options)?;
    Ok(Values::new()
        .with("the end", &found.y)
        .with("the time of the end", &found.t)
        .with_each("the state at save", found.saved.iter().enumerate()))
}

fn exact_log_density(place: Place) -> Found {
    let network = network(place)?;
    let (field, x) = (network.at(&Given::Nothing), place.normal(0, &[ROWS, DIM]));
    let base = StandardNormal { dim: DIM };
    let adaptive = solver(Method::Dopri5, None)?;
    let fixed = solver(Method::Rk4, Some(10))?;
    let at_end = log_density(&adaptive, &field, &base, &Divergence::Exact, &x, 1.0)?;
    let inside = log_density(&fixed, &field, &base, &Divergence::Exact, &x, 0.6)?;
    Ok(Values::new()
        .with("by a quadrature", &at_end.log_density)
        .with("the base's points", &at_end.base_point)
        .with("by stages", &inside.log_density))
}

fn estimated_log_density(place: Place) -> Found {
    let network = network(place)?;
    let (field, x) = (network.at(&Given::Nothing), place.normal(0, &[ROWS, DIM]));
    let probes = place.put(&Stream::new(0, Purpose::Probe).sign_rows(0, ROWS, DIM, Kind::Double));
    let (base, divergence) = (StandardNormal { dim: DIM }, Divergence::Hutchinson { probes });
    let found = log_density(&solver(Method::Dopri5, None)?, &field, &base, &divergence, &x, 1.0)?;
    Ok(Values::new().with("the log-density", &found.log_density))
}

fn closed_form(place: Place) -> Found {
    let path = from_normal(Interpolant::trigonometric())?;
    let x = place.normal(0, &[ROWS, 3]);
    let base = StandardNormal { dim: 3 };
    let found =
        log_density(&solver(Method::Tsit5, None)?, &path.velocity(), &base, &Divergence::Exact, &x, 1.0)?;
    Ok(Values::new().with("the log-density", &found.log_density))
}

fn gradient_of_likelihood(place: Place) -> Found {
    let network = network(place)?;
    let field = network.at(&Given::Nothing);
    let x = place.normal(0, &[ROWS, DIM]);
    let probes = place.normal(1, &[ROWS, DIM]).sign();
    let base = StandardNormal { dim: DIM };
    let flow =
        TrainableFlow { field: &field, parameters: network.parameters(), base: &base, probes: &probes };
    let solver = solver(Method::Rk4, Some(4))?;
    [Sensitivity::Direct, Sensitivity::Adjoint].into_iter().try_fold(Values::new(), |values, sensitivity| {
        let found = likelihood_gradient(&solver, &flow, &x, sensitivity)?;
        Ok(values
            .with(format!("{sensitivity:?}: the likelihood"), &found.nll)
            .with_each(&format!("{sensitivity:?}: the gradient"), found.gradient.iter().enumerate()))
    })
}

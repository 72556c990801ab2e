//! Events: rows stop where they should, and only they.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use interflow_solvers::{
    Event, FieldTerm, Method, SolveOptions, Solver, SolverConfig, StopReason, Trajectory, WithIntegral,
};
use tch::{Kind, Tensor};

use crate::fields::{Linear, distance, points};

fn solvers() -> [Solver; 3] {
    let config =
        |method, steps| SolverConfig { method, steps, rtol: 1e-9, atol: 1e-9, ..SolverConfig::default() };
    [config(Method::Dopri5, None), config(Method::Bosh3, None), config(Method::Rk4, Some(200))]
        .map(|config| config.build().unwrap())
}

/// The rows of `x' = x` until events.
fn grow(solver: &Solver, x: &Tensor, (from, to): (f64, f64), options: &SolveOptions<'_>) -> Trajectory {
    solver.integrate(&FieldTerm::new(&Linear { rate: 1.0, dim: 1 }), x, from, to, options).unwrap()
}

const EVENT: StopReason = StopReason::Event { event: 0 };

#[test]
fn rows_stop_where_they_leave_a_region() {
    let x = points(&[1.0, 0.5, 1.9, -1.0, 0.8], 1);
    let leaves = |_t: &Tensor, y: &Tensor| y.select(1, 0).abs() - 2.0;
    let options = SolveOptions { events: &[&leaves], save_at: &[0.3, 1.0], ..SolveOptions::default() };
    for solver in solvers() {
        let found = grow(&solver, &x, (0.0, 1.0), &options);
        let t = [2f64.ln(), 1.0, (2.0 / 1.9f64).ln(), 2f64.ln(), (2.0 / 0.8f64).ln()];
        assert!(distance(&found.t, &Tensor::from_slice(&t)) < 1e-7, "{}", found.t);
        let exact = points(&[2.0, 0.5f64 * 1f64.exp(), 2.0, -2.0, 2.0], 1);
        assert!(distance(&found.y, &exact) < 1e-7, "{}", found.y);
        assert_eq!(found.stops, [EVENT, StopReason::ReachedEnd, EVENT, EVENT, EVENT]);
        assert_eq!(found.statistics.stop, EVENT);
        let missing = |i: usize| Vec::<bool>::try_from(found.saved[i].isnan().view(-1)).unwrap();
        assert_eq!(missing(0), [false, false, true, false, false]);
        assert_eq!(missing(1), [true, false, true, true, true]);
    }
}

#[test]
fn the_first_of_several_events_counts_and_a_start_on_a_zero_does_not() {
    let x = points(&[1.0, 3.0], 1);
    let late = |t: &Tensor, _y: &Tensor| t - 0.6;
    let high = |_t: &Tensor, y: &Tensor| y.select(1, 0) - 4.0;
    let on = |_t: &Tensor, y: &Tensor| y.select(1, 0) - 3.0;
    let options = SolveOptions { events: &[&late, &high, &on], ..SolveOptions::default() };
    for solver in solvers() {
        let found = grow(&solver, &x, (0.0, 1.0), &options);
        assert_eq!(found.stops, [StopReason::Event { event: 0 }, StopReason::Event { event: 1 }]);
        let t = Tensor::from_slice(&[0.6, (4.0f64 / 3.0).ln()]);
        assert!(distance(&found.t, &t) < 1e-7, "{}", found.t);
    }
}

/// A level for each row.
struct Levels(Tensor);

impl Event for Levels {
    fn value(&self, _t: &Tensor, y: &Tensor) -> Tensor {
        y.select(1, 0) - &self.0
    }
    fn for_rows(&self, rows: &Tensor) -> Option<Box<dyn Event + '_>> {
        Some(Box::new(Self(self.0.index_select(0, rows))))
    }
}

#[test]
fn events_belong_to_rows_and_work_backward_in_time() {
    let x = points(&[1.0, 2.0, 1.5, 1.2], 1);
    let levels = [0.7, 1.9, 0.1, 1.1];
    let event = Levels(Tensor::from_slice(&levels));
    let options = SolveOptions { events: &[&event], ..SolveOptions::default() };
    for solver in solvers() {
        let found = grow(&solver, &x, (1.0, 0.0), &options);
        assert_eq!(found.stops, [EVENT, EVENT, StopReason::ReachedEnd, EVENT]);
        let t = [1.0 + 0.7f64.ln(), 1.0 + 0.95f64.ln(), 0.0, 1.0 + (1.1f64 / 1.2).ln()];
        assert!(distance(&found.t, &Tensor::from_slice(&t)) < 1e-7, "{}", found.t);
    }
}

/// The length of the way as an integral: from x to x e it is |x| (e − 1); an event of it stops where it is 1.
#[test]
fn integrals_ride_along_and_have_events() {
    let x = points(&[1.0, -0.4], 1);
    let speed =
        |_t: &Tensor, _y: &Tensor, rate: &Tensor| rate.square().sum_dim_intlist(1i64, false, None).sqrt();
    let field = Linear { rate: 1.0, dim: 1 };
    let term = WithIntegral::new(FieldTerm::new(&field), &speed);
    let far = |_t: &Tensor, y: &Tensor| y.select(1, 1) - 1.0;
    for events in [&[][..], &[&far as &dyn Event]] {
        let options = SolveOptions { events, ..SolveOptions::default() };
        let found = solvers()[0].integrate(&term, &x, 0.0, 1.0, &options).unwrap();
        let whole = x.select(1, 0).abs() * (1f64.exp() - 1.0);
        let way = if events.is_empty() { whole } else { whole.clamp_max(1.0) };
        assert!(distance(&found.y.select(1, 1), &way) < 1e-7, "{}", found.y);
        assert_eq!(found.y.kind(), Kind::Double);
    }
}

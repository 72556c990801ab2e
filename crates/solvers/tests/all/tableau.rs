//! Methods of one's own: their order, and what is refused.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use std::sync::Arc;

use interflow_solvers::{Error, PiController, Solver, Stepping, Tableau, TableauFault};

use crate::fields::{Logistic, Rotation, distance, points};

/// Ralston's method of order 3.
fn ralston() -> Tableau {
    let (c, b) = ([0.0, 0.5, 0.75], [2.0 / 9.0, 1.0 / 3.0, 4.0 / 9.0]);
    Tableau::new(3, &c, &[&[], &[0.5], &[0.0, 0.75]], &b).unwrap()
}

/// Heun's method with Euler's as its estimate: a pair whose last stage is no first one.
fn heun_euler() -> Tableau {
    let heun = Tableau::new(2, &[0.0, 1.0], &[&[], &[1.0]], &[0.5, 0.5]).unwrap();
    heun.with_error_estimate(&[-0.5, 0.5]).unwrap()
}

#[test]
fn an_own_method_has_its_order() {
    let x = points(&[0.6, -0.3], 2);
    let field = Rotation(2.0);
    let errors = [128, 256].map(|steps| {
        let solver = Solver::new(ralston(), Stepping::Fixed { steps }).unwrap();
        distance(&solver.solve(&field, &x, 0.0, 1.0).unwrap().x, &field.flow(&x, 1.0))
    });
    let order = (errors[0] / errors[1]).log2();
    assert!((order - 3.0).abs() < 0.15, "order {order}, errors {errors:?}");
}

#[test]
fn a_pair_that_reuses_no_stage_follows_its_tolerance() {
    let x = points(&[0.1, 0.5, 0.9, 0.2], 1);
    for tolerance in [1e-4, 1e-6] {
        let controller = Arc::new(PiController::new(tolerance, tolerance, 2));
        let stepping = Stepping::Adaptive { controller, max_steps: 10_000 };
        let solver = Solver::new(heun_euler(), stepping).unwrap();
        let times = [0.0, 1.3, 4.0];
        let (saved, statistics) = solver.solve_saving(&Logistic, &x, &times).unwrap();
        for (y, t) in saved.iter().zip(times) {
            let found = distance(y, &Logistic::flow(&x, t));
            assert!(found < 30.0 * tolerance, "at {t} and {tolerance}: {found}");
        }
        assert!(statistics.nfe > statistics.accepted_steps / 4);
    }
}

#[test]
fn a_wrong_tableau_is_refused_with_its_fault() {
    let fault = |order, c: &[f64], a: &[&[f64]], b: &[f64]| match Tableau::new(order, c, a, b) {
        Err(Error::InvalidTableau { fault }) => fault,
        other => panic!("{other:?}"),
    };
    let (c, a, b): (&[f64], &[&[f64]], &[f64]) = (&[0.0, 1.0], &[&[], &[1.0]], &[0.5, 0.5]);
    assert_eq!(fault(1, &[], &[], &[]), TableauFault::Empty);
    assert_eq!(fault(0, c, a, b), TableauFault::ZeroOrder);
    assert!(matches!(fault(2, c, a, &[1.0]), TableauFault::Length { expected: 2, found: 1, .. }));
    assert!(matches!(fault(2, c, &[&[], &[0.5, 0.5]], b), TableauFault::Length { .. }));
    assert_eq!(fault(2, &[0.0, f64::NAN], a, b), TableauFault::NotFinite);
    assert!(matches!(fault(2, &[0.0, 0.5], a, b), TableauFault::StageTime { stage: 1, .. }));
    assert!(matches!(fault(2, c, a, &[0.5, 0.6]), TableauFault::Order { order: 1, .. }));
    assert!(matches!(fault(2, c, a, &[0.4, 0.6]), TableauFault::Order { order: 2, .. }));
    assert!(matches!(fault(3, c, a, b), TableauFault::Order { order: 3, .. }));
    let estimate = ralston().with_error_estimate(&[0.1, 0.0, 0.0]);
    assert!(matches!(estimate, Err(Error::InvalidTableau { fault: TableauFault::ErrorSum { .. } })));
    let dense = ralston().with_dense_output(&[&[1.0], &[0.0], &[0.0]]);
    assert!(matches!(dense, Err(Error::InvalidTableau { fault: TableauFault::DenseEnd { stage: 0, .. } })));
    let message = Tableau::new(2, &[0.0, 0.5], a, b).unwrap_err().to_string();
    assert_eq!(message, "a tableau was refused: row 1 of a must add up to c = 0.5, found: 1");
}

#[test]
fn adaptive_steps_without_an_estimate_and_no_steps_are_refused() {
    let controller = Arc::new(PiController::new(1e-5, 1e-5, 3));
    let adaptive = Stepping::Adaptive { controller, max_steps: 100 };
    assert!(matches!(Solver::new(ralston(), adaptive), Err(Error::MissingSteps)));
    let none = Solver::new(ralston(), Stepping::Fixed { steps: 0 });
    assert!(matches!(none, Err(Error::InvalidConfig { name: "steps", .. })));
}

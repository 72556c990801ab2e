//! Orders, tolerances and reversibility on problems with known flows.

use interflow_core::VectorField;
use interflow_solvers::{Method, SolverConfig};
use tch::Tensor;

use crate::fields::{Cosine, Logistic, Rotation, distance, points};

fn fixed(method: Method, steps: u32) -> SolverConfig {
    SolverConfig { method, steps: Some(steps), ..SolverConfig::default() }
}

fn adaptive(method: Method, tolerance: f64) -> SolverConfig {
    SolverConfig { method, rtol: tolerance, atol: tolerance, ..SolverConfig::default() }
}

fn error(config: &SolverConfig, field: &dyn VectorField, x: &Tensor, end: f64, exact: &Tensor) -> f64 {
    let solution = config.build().and_then(|solver| solver.solve(field, x, 0.0, end));
    distance(&solution.expect("the problem is smooth").x, exact)
}

fn check_order(method: Method, expected: f64, steps: u32) {
    let x = points(&[0.6, -0.3], 2);
    let field = Rotation(2.0);
    let y = points(&[0.7], 1);
    let mut errors = [0.0; 4];
    for (i, n) in [steps, 2 * steps].into_iter().enumerate() {
        errors[i] = error(&fixed(method, n), &field, &x, 1.0, &field.flow(&x, 1.0));
        errors[2 + i] = error(&fixed(method, n), &Cosine, &y, 1.0, &(&y * 1f64.sin().exp()));
    }
    for pair in errors.chunks(2) {
        let order = (pair[0] / pair[1]).log2();
        assert!((order - expected).abs() < 0.15, "{method:?}: order {order}, errors {pair:?}");
    }
}

#[test]
fn methods_converge_with_their_orders() {
    check_order(Method::Euler, 1.0, 256);
    check_order(Method::Midpoint, 2.0, 128);
    check_order(Method::Heun, 2.0, 128);
    check_order(Method::Rk4, 4.0, 64);
    check_order(Method::Bosh3, 3.0, 128);
    check_order(Method::Dopri5, 5.0, 24);
    check_order(Method::Tsit5, 5.0, 56);
}

#[test]
fn the_error_follows_the_tolerance() {
    let x = points(&[0.1, 0.5, 0.9], 1);
    let exact = Logistic::flow(&x, 4.0);
    for method in [Method::Bosh3, Method::Dopri5, Method::Tsit5] {
        for tolerance in [1e-4, 1e-6, 1e-8] {
            let found = error(&adaptive(method, tolerance), &Logistic, &x, 4.0, &exact);
            assert!(found < 30.0 * tolerance, "{method:?} at {tolerance}: {found}");
            assert!(found > 1e-4 * tolerance, "{method:?} at {tolerance}: {found}");
        }
    }
}

#[test]
fn going_forward_and_back_returns_to_the_start() {
    let x = points(&[0.6, -0.3, 1.5, 0.2], 2);
    let solver = adaptive(Method::Dopri5, 1e-9).build().unwrap();
    let field = Rotation(5.0);
    let there = solver.solve(&field, &x, 0.0, 1.0).unwrap().x;
    let back = solver.solve(&field, &there, 1.0, 0.0).unwrap().x;
    assert!(distance(&back, &x) < 1e-7);
}

#[test]
fn save_points_lie_on_the_trajectory() {
    let x = points(&[0.6, -0.3, 1.5, 0.2], 2);
    let field = Rotation(3.0);
    let times = [1.0, 0.7, 0.7, 0.1, 0.0];
    for config in [adaptive(Method::Tsit5, 1e-9), fixed(Method::Rk4, 400)] {
        let (saved, _) = config.build().unwrap().solve_saving(&field, &x, &times).unwrap();
        assert_eq!(saved.len(), times.len());
        for (y, t) in saved.iter().zip(times) {
            assert!(distance(y, &field.flow(&x, t - 1.0)) < 1e-6, "{config:?} at {t}");
        }
    }
}

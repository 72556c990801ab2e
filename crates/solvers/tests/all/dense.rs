//! Save points by interpolation: their order, their cost, and that they change nothing.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use interflow_solvers::{Error, FieldTerm, Method, SolveOptions, Solver, SolverConfig};
use tch::{Kind, Tensor};

use crate::fields::{Cosine, Rotation, Stiff, distance, points};

fn fixed(method: Method, steps: u32) -> Solver {
    SolverConfig { method, steps: Some(steps), ..SolverConfig::default() }.build().unwrap()
}

fn adaptive(method: Method, tolerance: f64) -> Solver {
    SolverConfig { method, rtol: tolerance, atol: tolerance, ..SolverConfig::default() }.build().unwrap()
}

/// `n + 1` equally spaced times.
fn times(n: u32, from: f64, to: f64) -> Vec<f64> {
    (0..=n).map(|i| from + (to - from) * f64::from(i) / f64::from(n)).collect()
}

/// The error inside of one step from (0.3, x) is that of the interpolant, one order above its own.
#[test]
fn interpolants_have_their_orders_within_a_step() {
    let x = points(&[0.6, -0.3, 1.1], 1);
    for (method, expected, h) in [
        (Method::Dopri5, 5.0, 0.1),
        (Method::Tsit5, 5.0, 0.1),
        (Method::Rk4, 4.0, 0.1),
        (Method::Bosh3, 4.0, 0.02),
        (Method::Heun, 3.0, 0.02),
        (Method::Euler, 2.0, 0.01),
    ] {
        let errors = [h, h / 2.0].map(|h| {
            let at = times(16, 0.3, 0.3 + h);
            let (saved, _) = fixed(method, 1).solve_saving(&Cosine, &x, &at).unwrap();
            let exact = |t: f64| &x * (t.sin() - at[0].sin()).exp();
            saved.iter().zip(&at).map(|(y, t)| distance(y, &exact(*t))).fold(0.0, f64::max)
        });
        let order = (errors[0] / errors[1]).log2();
        assert!((order - expected).abs() < 0.15, "{method:?}: {order}, {errors:?}");
    }
}

#[test]
fn save_points_are_as_good_as_the_tolerance_in_both_directions() {
    let x = points(&[0.6, -0.3, 1.5, 0.2], 2);
    let field = Rotation(9.0);
    for method in [Method::Bosh3, Method::Dopri5, Method::Tsit5] {
        for (from, to) in [(0.0, 1.0), (1.0, 0.0)] {
            let at = times(37, from, to);
            let (saved, _) = adaptive(method, 1e-7).solve_saving(&field, &x, &at).unwrap();
            for (y, t) in saved.iter().zip(&at) {
                let off = distance(y, &field.flow(&x, t - from));
                assert!(off < 2e-5, "{method:?} from {from} at {t}: {off}");
            }
        }
    }
}

#[test]
fn save_points_cost_nothing_and_do_not_change_the_end() {
    let x = points(&[0.6, -0.3, 1.5, 0.2, 0.0, 40.0], 2);
    let at = times(100, 0.0, 1.0);
    for method in [Method::Bosh3, Method::Dopri5, Method::Tsit5] {
        let solver = adaptive(method, 1e-5);
        let (saved, statistics) = solver.solve_saving(&Stiff, &x, &at).unwrap();
        let alone = solver.solve(&Stiff, &x, 0.0, 1.0).unwrap();
        assert_eq!(statistics, alone.statistics, "{method:?}");
        assert!(saved[100].equal(&alone.x) && saved[0].equal(&x), "{method:?}");
    }
    for (method, nfe) in [(Method::Rk4, 81), (Method::Heun, 41), (Method::Dopri5, 121)] {
        let solver = fixed(method, 20);
        let (saved, statistics) = solver.solve_saving(&Stiff, &x, &at).unwrap();
        assert_eq!(statistics.nfe, nfe, "{method:?}");
        assert!(saved[100].equal(&solver.solve(&Stiff, &x, 0.0, 1.0).unwrap().x), "{method:?}");
    }
}

/// Rows whose steps are forty times shorter than their neighbours' interpolate their own.
#[test]
fn every_row_interpolates_its_own_steps() {
    let x = points(&[1.0, 0.5, 3.0, 300.0, -1.0, 20.0], 2);
    let at = times(23, 0.0, 1.0);
    let solver = adaptive(Method::Dopri5, 1e-8);
    let (together, _) = solver.solve_saving(&Stiff, &x, &at).unwrap();
    for row in 0..3 {
        let (alone, _) = solver.solve_saving(&Stiff, &x.narrow(0, row, 1), &at).unwrap();
        for (together, alone) in together.iter().zip(&alone) {
            assert!(distance(&together.narrow(0, row, 1), alone) < 1e-11, "row {row}");
        }
    }
    for (y, t) in together.iter().zip(&at) {
        let s = x.select(1, 1);
        let square = &s * &s + 1.0;
        let steady = |t: f64| (&s * &s * t.sin() - &s * t.cos()) / &square;
        let exact = (x.select(1, 0) - steady(0.0)) * (&s * -*t).exp() + steady(*t);
        assert!(distance(&y.select(1, 0), &exact) < 1e-6, "at {t}");
    }
}

#[test]
fn single_precision_is_interpolated_in_single_precision() {
    let x = points(&[0.6, -0.3, 1.5, 0.2], 2);
    let field = Rotation(3.0);
    let (saved, _) = SolverConfig::default()
        .build()
        .unwrap()
        .solve_saving(&field, &x.to_kind(Kind::Float), &[0.0, 0.37, 1.0])
        .unwrap();
    assert_eq!(saved[1].kind(), Kind::Float);
    assert!(distance(&saved[1].to_kind(Kind::Double), &field.flow(&x, 0.37)) < 1e-3);
}

#[test]
fn times_outside_of_the_interval_are_refused() {
    let (x, field) = (points(&[0.6, -0.3], 2), Rotation(1.0));
    let term = FieldTerm::new(&field);
    let integrate = |save_at: &[f64]| {
        let options = SolveOptions { save_at, ..SolveOptions::default() };
        adaptive(Method::Dopri5, 1e-5).integrate(&term, &x, 1.0, 0.2, &options)
    };
    for times in [[0.1], [1.1], [f64::NAN]] {
        assert!(matches!(integrate(&times), Err(Error::InvalidTimes { .. })), "{times:?}");
    }
    // Any order will do, and twice the same.
    let saved = integrate(&[0.5, 0.9, 0.5]).unwrap().saved;
    assert!(saved[0].equal(&saved[2]) && distance(&saved[1], &field.flow(&x, -0.1)) < 1e-4);
    let nobody: Vec<Tensor> =
        adaptive(Method::Dopri5, 1e-5).solve_saving(&field, &x.narrow(0, 0, 0), &[0.0, 1.0]).unwrap().0;
    assert_eq!(nobody[1].size(), [0, 2]);
}

//! Divergence integrals and the log-densities they give.

use std::cell::Cell;
use std::f64::consts::TAU;

use interflow_core::VectorField;
use interflow_core::density::StandardNormal;
use interflow_solvers::{
    Divergence, Method, Result, SolveOptions, SolverConfig, Term, WithDivergence, log_density,
};
use tch::{Kind, Tensor};

use crate::fields::{Cosine, Linear, distance, points};

fn tight() -> SolverConfig {
    SolverConfig { rtol: 1e-10, atol: 1e-10, ..SolverConfig::default() }
}

/// `x' = A x` with `A = [[0.5, 1], [0.3, −0.2]]`.
struct Matrix;

impl VectorField for Matrix {
    fn dim(&self) -> i64 {
        2
    }
    fn value(&self, _t: &Tensor, x: &Tensor) -> Tensor {
        x.matmul(&points(&[0.5, 0.3, 1.0, -0.2], 2))
    }
}

#[test]
fn a_linear_flow_gives_the_gaussian_log_density() {
    let x = points(&[0.3, -1.2, 0.0, 2.0, 0.1, 0.7], 3);
    for t in [0.4, 1.0] {
        let field = Linear { rate: 0.8, dim: 3 };
        let base = StandardNormal { dim: 3 };
        let found = log_density(&tight().build().unwrap(), &field, &base, &Divergence::Exact, &x, t).unwrap();
        let scale = (0.8f64 * t).exp();
        let squares = (&x / scale).square().sum_dim_intlist(1i64, false, Kind::Double);
        let exact = squares * -0.5 - 1.5 * TAU.ln() - 3.0 * scale.ln();
        assert!(distance(&found.log_density, &exact) < 1e-8);
        assert!(distance(&found.base_point, &(&x / scale)) < 1e-8);
    }
}

#[test]
fn the_divergence_integral_has_its_sign_in_both_directions() {
    let x = points(&[0.3, 0.9], 1);
    let solver = tight().build().unwrap();
    for (from, to) in [(0.0, 1.0), (1.0, 0.0)] {
        let found = solver.solve_with_divergence(&Cosine, &Divergence::Exact, &x, from, to).unwrap();
        let exact = x.select(1, 0).full_like(to.sin() - from.sin());
        assert!(distance(&found.divergence_integral.unwrap(), &exact) < 1e-8);
    }
}

#[test]
fn hutchinson_is_exact_on_average_over_all_signs() {
    let x = points(&[0.3, 0.9, 0.3, 0.9, 0.3, 0.9, 0.3, 0.9], 2);
    let probes = points(&[1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0], 2);
    let solver = tight().build().unwrap();
    let estimate = Divergence::Hutchinson { probes };
    let found = solver.solve_with_divergence(&Matrix, &estimate, &x, 0.0, 1.0).unwrap();
    let each = found.divergence_integral.unwrap();
    assert!((each.mean(Kind::Double).double_value(&[]) - 0.3).abs() < 1e-8);
    assert!((each.double_value(&[0]) - 1.6).abs() < 1e-8);
    let exact = solver.solve_with_divergence(&Matrix, &Divergence::Exact, &x, 0.0, 1.0).unwrap();
    assert!((exact.divergence_integral.unwrap() - 0.3).abs().max().double_value(&[]) < 1e-8);
}

/// A rotation that grows with the distance from the origin, and counts how often it is asked for its divergence.
struct Whirl(Cell<u64>);

impl VectorField for Whirl {
    fn dim(&self) -> i64 {
        2
    }
    fn value(&self, _t: &Tensor, x: &Tensor) -> Tensor {
        Tensor::stack(&[x.select(1, 0) * x.select(1, 1), x.select(1, 0).square() * -1.0], 1)
    }
    fn value_and_divergence(&self, t: &Tensor, x: &Tensor) -> (Tensor, Tensor) {
        self.0.set(self.0.get() + 1);
        (self.value(t, x), x.select(1, 1).copy())
    }
}

/// A term that is asked for all of its rate in every stage.
struct Whole<'a>(WithDivergence<'a>);

impl Term for Whole<'_> {
    fn dim(&self) -> i64 {
        self.0.dim()
    }
    fn n_integrals(&self) -> i64 {
        self.0.n_integrals()
    }
    fn rate(&self, t: &Tensor, y: &Tensor) -> Result<Tensor> {
        self.0.rate(t, y)
    }
}

#[test]
fn leaving_out_divergences_that_no_weight_uses_changes_no_bit() {
    let x = points(&[0.3, -1.2, 0.5, 2.0, 0.1, 0.7], 2);
    let options = SolveOptions { save_at: &[0.25, 0.6], ..SolveOptions::default() };
    for (method, steps, left_out) in [
        (Method::Dopri5, None, true),
        (Method::Dopri5, Some(8), true),
        (Method::Tsit5, None, false),
        (Method::Rk4, Some(8), false),
        (Method::Midpoint, Some(8), false),
    ] {
        let solver = SolverConfig { method, steps, ..SolverConfig::default() }.build().unwrap();
        let field = Whirl(Cell::new(0));
        let solve = |term: &dyn Term| {
            field.0.set(0);
            let found = solver.integrate(term, &x, 0.0, 1.0, &options).unwrap();
            (found, field.0.get())
        };
        let (some, divergences) = solve(&WithDivergence::new(&field, &Divergence::Exact));
        let (all, calls) = solve(&Whole(WithDivergence::new(&field, &Divergence::Exact)));
        assert!(
            some.y.equal(&all.y) && some.saved.iter().zip(&all.saved).all(|(a, b)| a.equal(b)),
            "{method:?}"
        );
        let cost = some.statistics;
        assert_eq!((cost.nfe, cost.nfe_with_integrals), (calls, divergences), "{method:?}");
        let tries = if left_out { calls / 6 } else { 0 };
        assert_eq!(calls - divergences, tries, "{method:?}");
    }
}

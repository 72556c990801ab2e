//! A Runge–Kutta method of one's own for a flow's solves: Ralston's of order 3, on a fixed grid and with its order measured.
//!
//! `cargo run --release -p interflow --example own_tableau`
#![allow(clippy::print_stdout, reason = "an example prints what it finds")]

use std::f64::consts::TAU;

use interflow::core::VectorField;
use interflow::solvers::{Solver, Stepping, Tableau};
use interflow::tch::{Kind, Tensor};

/// The rotation `dx/dt = 2π (−x₂, x₁)`: once around in unit time.
struct Rotation;

impl VectorField for Rotation {
    fn dim(&self) -> i64 {
        2
    }

    fn value(&self, _t: &Tensor, x: &Tensor) -> Tensor {
        Tensor::stack(&[-x.select(1, 1), x.select(1, 0)], 1) * TAU
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ralston =
        Tableau::new(3, &[0.0, 0.5, 0.75], &[&[], &[0.5], &[0.0, 0.75]], &[2.0 / 9.0, 1.0 / 3.0, 4.0 / 9.0])?;
    let x = Tensor::from_slice(&[1.0, 0.0, 0.3, -2.0]).view([2, 2]);
    let mut last: Option<f64> = None;
    for steps in [16, 32, 64, 128] {
        let solver = Solver::new(ralston.clone(), Stepping::Fixed { steps })?;
        let solution = solver.solve(&Rotation, &x, 0.0, 1.0)?;
        let error = (&solution.x - &x).abs().max().to_kind(Kind::Double).double_value(&[]);
        let order = last.map_or(String::new(), |last| format!(", order {:.2}", (last / error).log2()));
        println!("{steps:>4} steps, {} calls: error {error:.2e}{order}", solution.statistics.nfe);
        last = Some(error);
    }
    Ok(())
}

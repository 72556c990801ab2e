//! Brownian paths: the right law, and the same path at every step size and in every batch.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use interflow_solvers::{BrownianPath, Error, Grid, Increment};
use tch::{Kind, Tensor};

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

fn increments(first: u64, n: i64, grid: &Grid) -> Vec<Increment> {
    BrownianPath::new(5, first).increments(n, 3, grid).collect()
}

/// W and `∫ W dt` from the path's start at every point of the grid.
fn path(n: i64, grid: &Grid) -> Vec<(f64, Tensor, Tensor)> {
    let times = grid.times();
    let steps = increments(0, n, grid);
    let mut w = steps[0].w.zeros_like();
    let mut integral = w.zeros_like();
    let mut points = Vec::new();
    for (pair, step) in times.windows(2).zip(&steps) {
        let h = pair[1] - pair[0];
        integral += &w * h + (&step.area + &step.w * 0.5) * h;
        w += &step.w;
        points.push((pair[1], w.copy(), integral.copy()));
    }
    points
}

#[test]
fn the_path_is_the_same_at_every_step_size() {
    let fine = path(4, &Grid::new(96).unwrap());
    for steps in [1, 2, 3, 7, 24, 64] {
        for (t, w, integral) in path(4, &Grid::new(steps).unwrap()) {
            let Some((_, fine_w, fine_integral)) = fine.iter().find(|(s, ..)| (s - t).abs() < 1e-12) else {
                continue;
            };
            assert!(largest(&(w - fine_w)) < 1e-12, "{steps} steps at {t}");
            assert!(largest(&(integral - fine_integral)) < 1e-12, "{steps} steps at {t}");
        }
    }
}

#[test]
fn every_grid_has_its_number_of_nearly_equal_steps() {
    for steps in [1u32, 2, 3, 10, 25, 50, 100, 128, 250] {
        let times = Grid::new(steps).unwrap().times();
        assert_eq!((times.len(), times[0].to_bits()), (steps as usize + 1, 0));
        assert!((times[steps as usize] - 1.0).abs() < 1e-300);
        let bound = if steps.is_power_of_two() { 1e-12 } else { 1.0 / 16.0 };
        for pair in times.windows(2) {
            assert!(((pair[1] - pair[0]) * f64::from(steps) - 1.0).abs() <= bound, "{steps}: {pair:?}");
        }
    }
}

#[test]
fn a_grid_without_steps_or_with_too_many_is_refused() {
    for steps in [0, (1 << 24) + 1, u32::MAX] {
        assert!(matches!(Grid::new(steps), Err(Error::InvalidConfig { name: "steps", .. })), "{steps}");
    }
}

#[test]
fn a_sample_does_not_depend_on_its_batch() {
    let grid = Grid::new(5).unwrap();
    for (together, alone) in increments(2, 6, &grid).iter().zip(increments(6, 1, &grid)) {
        assert!(
            together.w.narrow(0, 4, 1).equal(&alone.w) && together.area.narrow(0, 4, 1).equal(&alone.area)
        );
    }
}

/// n = 30 000 numbers for each step; variances and correlations within 5σ/√n.
#[test]
fn increments_and_areas_have_their_law() {
    let grid = Grid::new(6).unwrap();
    let steps = increments(0, 10_000, &grid);
    let bound = 5.0 / 30_000f64.sqrt();
    let mean = |x: Tensor| x.mean(Kind::Double).double_value(&[]);
    let scaled: Vec<[Tensor; 2]> = grid
        .times()
        .windows(2)
        .zip(&steps)
        .map(|(pair, step)| {
            let h = pair[1] - pair[0];
            [&step.w / h.sqrt(), &step.area / (h / 12.0).sqrt()]
        })
        .collect();
    for (i, step) in scaled.iter().enumerate() {
        for x in step {
            assert!(mean(x.copy()).abs() < bound, "mean of step {i}");
            assert!((mean(x.square()) - 1.0).abs() < bound * 2f64.sqrt(), "variance of step {i}");
        }
        assert!(mean(&step[0] * &step[1]).abs() < bound, "W and H of step {i}");
        for other in scaled.iter().skip(i + 1) {
            for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                assert!(mean(&step[a] * &other[b]).abs() < bound, "step {i} and a later one");
            }
        }
    }
}

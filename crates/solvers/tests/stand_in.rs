//! How often a solve makes a GPU wait, counted on a device that stands in for one.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use interflow_core::VectorField;
use interflow_core::conversion::Conversion;
use interflow_core::density::StandardNormal;
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_libtorch::{Transfers, stand_in, transfers};
use interflow_solvers::{
    BrownianPath, DiffusionConfig, DiffusionShape, Divergence, Scheme, ScoreSource, Sde, SdeConfig,
    SolverConfig,
};
use tch::{Kind, Tensor};

/// `x' = −x |x|²`: rows of different sizes take different steps.
struct Cubic;

impl VectorField for Cubic {
    fn dim(&self) -> i64 {
        3
    }
    fn value(&self, _t: &Tensor, x: &Tensor) -> Tensor {
        x * x.square().sum_dim_intlist(1i64, true, x.kind()).neg()
    }
    fn value_and_divergence(&self, t: &Tensor, x: &Tensor) -> (Tensor, Tensor) {
        (self.value(t, x), x.square().sum_dim_intlist(1i64, false, x.kind()) * -5.0)
    }
}

fn cost<T>(body: impl FnOnce() -> T) -> (T, Transfers) {
    let before = transfers();
    (body(), transfers() - before)
}

/// One test, as all share the count.
#[test]
fn a_step_asks_the_device_once() {
    let device = stand_in().unwrap();
    let x = Stream::new(1, Purpose::Test).normal_rows(0, 40, 3, Kind::Double).to_device(device);
    for tolerance in [1e-3, 1e-8] {
        let solver = SolverConfig { rtol: tolerance, atol: tolerance, ..SolverConfig::default() };
        let solver = solver.build().unwrap();
        let (solution, found) = cost(|| solver.solve(&Cubic, &x, 0.0, 1.0).unwrap());
        // Two calls to begin with, each looked at once, and six a step.
        let steps = (solution.statistics.nfe - 2) / 6;
        assert!(steps > 4);
        assert_eq!((found.to_host, found.to_device), (steps + 2, 0), "{steps} steps");
        let solve = || solver.solve_with_divergence(&Cubic, &Divergence::Exact, &x, 0.0, 1.0).unwrap();
        let (solution, found) = cost(solve);
        // Until every row has a step before, the quadrature asks which have none.
        assert!(found.to_host < solution.statistics.nfe / 6 + 12 && found.to_device == 0, "{found:?}");
    }
    let conversion = Conversion::new(Interpolant::linear(), StandardNormal { dim: 3 }).unwrap();
    let diffusion = DiffusionConfig { shape: DiffusionShape::Regular, strength: 0.5 };
    let diffusion = diffusion.build(&conversion).unwrap();
    let sde = Sde { velocity: &Cubic, score: ScoreSource::Velocity, diffusion: &diffusion };
    let path = BrownianPath::new(1, 0);
    let steps = 16;
    let solver = SdeConfig { scheme: Scheme::Heun, steps, tolerance: None }.build().unwrap();
    let (_, found) = cost(|| solver.solve(&sde, &path, &x, 0.0, 1.0).unwrap());
    let steps = u64::from(steps);
    // The path's two numbers go up for each step; the steps without noise at the ends are looked at too.
    assert!(found.to_device <= 2 * steps && found.to_host <= steps + 4, "{found:?}");
}

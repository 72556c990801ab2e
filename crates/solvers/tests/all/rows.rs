//! What belongs to the rows of a batch stays with them.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use interflow_core::VectorField;
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_solvers::{
    BrownianPath, DiffusionShape, Divergence, Failures, FieldTerm, Method, Scheme, ScoreSource, Sde,
    SdeConfig, SolveOptions, SolverConfig,
};
use tch::{Kind, Tensor};

use crate::fields::distance;
use crate::noise::diffusion;

/// `x' = λ x` with a rate for each row of the batch, in three dimensions; no other batch fits.
struct Rates(Tensor);

impl VectorField for Rates {
    fn dim(&self) -> i64 {
        3
    }
    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        assert_eq!((t.size(), x.size()[0]), (self.0.size(), self.0.size()[0]));
        x * self.0.unsqueeze(1)
    }
    fn for_rows(&self, rows: &Tensor) -> Option<Box<dyn VectorField + '_>> {
        Some(Box::new(Self(self.0.index_select(0, rows))))
    }
}

fn rates() -> (Rates, Tensor) {
    let rates = Tensor::from_slice(&[0.1, -40.0, 2.0, 0.0, -3.0, -200.0, 1.0]);
    let x = Stream::new(4, Purpose::Test).normal_rows(0, 7, 3, Kind::Double);
    (Rates(rates), x)
}

#[test]
fn conditions_stay_with_their_rows_where_rows_finish_one_by_one() {
    let (field, x) = rates();
    for method in [Method::Bosh3, Method::Dopri5, Method::Tsit5] {
        let solver = SolverConfig { method, rtol: 1e-8, atol: 1e-8, ..SolverConfig::default() };
        let solver = solver.build().unwrap();
        let (saved, _) = solver.solve_saving(&field, &x, &[0.0, 0.4, 1.0]).unwrap();
        for (y, t) in saved.iter().zip([0.0, 0.4, 1.0]) {
            let exact = &x * (&field.0 * t).exp().unsqueeze(1);
            assert!(distance(y, &exact) < 1e-5, "{method:?} at {t}");
        }
        let probes = Stream::new(4, Purpose::Probe).sign_rows(0, 7, 3, Kind::Double);
        for divergence in [Divergence::Exact, Divergence::Hutchinson { probes }] {
            let found = solver.solve_with_divergence(&field, &divergence, &x, 0.0, 1.0).unwrap();
            assert!(distance(&found.divergence_integral.unwrap(), &(&field.0 * 3.0)) < 1e-5, "{method:?}");
        }
    }
}

#[test]
fn conditions_stay_with_their_rows_where_some_are_left_behind() {
    let (field, x) = rates();
    let solver = SolverConfig { max_steps: 40, ..SolverConfig::default() }.build().unwrap();
    let leaves = |_t: &Tensor, y: &Tensor| y.select(1, 0).abs() - 1.0;
    let options = SolveOptions { events: &[&leaves], failures: Failures::Keep, ..SolveOptions::default() };
    let found = solver.integrate(&FieldTerm::new(&field), &x, 0.0, 1.0, &options).unwrap();
    let exact = &x * (&field.0 * &found.t).exp().unsqueeze(1);
    let kept = found.y.isfinite().all_dim(1, false);
    assert_eq!(kept.sum(Kind::Int64).int64_value(&[]), 6, "one row is too stiff");
    let kept = kept.nonzero().squeeze_dim(1);
    assert!(distance(&found.y.index_select(0, &kept), &exact.index_select(0, &kept)) < 1e-3);
}

/// Rows of an adaptive stochastic solve are those of a batch of their own, bit for bit.
#[test]
fn conditions_stay_with_their_rows_along_brownian_paths() {
    let (field, x) = rates();
    let diffusion = diffusion(Interpolant::linear(), 3, DiffusionShape::Regular, 0.5);
    let score = Rates(&field.0 * -0.2);
    for scheme in [Scheme::Heun, Scheme::Shark] {
        let solver = SdeConfig { scheme, tolerance: Some(0.05), ..SdeConfig::default() }.build().unwrap();
        let run = |velocity: &Rates, score: &Rates, x: &Tensor, first: u64| {
            let sde = Sde { velocity, score: ScoreSource::Field(score), diffusion: &diffusion };
            solver.solve(&sde, &BrownianPath::new(3, first), x, 0.0, 1.0).unwrap()
        };
        let together = run(&field, &score, &x, 0);
        let mut steps = 0;
        for row in 0..7 {
            let part = |rates: &Rates| Rates(rates.0.narrow(0, row, 1));
            let alone = run(&part(&field), &part(&score), &x.narrow(0, row, 1), row as u64);
            assert!(together.x.narrow(0, row, 1).equal(&alone.x), "{scheme:?}, row {row}");
            steps += alone.statistics.accepted_steps;
        }
        assert_eq!(together.statistics.accepted_steps, steps);
    }
}

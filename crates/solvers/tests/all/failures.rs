//! One bad row: an error that names it, or a batch that goes on without it.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use std::sync::Arc;

use interflow_core::VectorField;
use interflow_core::interpolant::Interpolant;
use interflow_solvers::{
    BrownianPath, DiffusionShape, Error, Failures, FieldTerm, Method, PiController, ScoreSource, Sde,
    SdeConfig, Shared, SolveOptions, Solver, SolverConfig, Stepping, StopReason,
};
use tch::Tensor;

use crate::fields::{Stiff, distance, points};
use crate::noise::diffusion;

/// `x' = −x`, and NaN after a time for rows whose first coordinate is above 50.
struct Poisoned(f64);

impl VectorField for Poisoned {
    fn dim(&self) -> i64 {
        2
    }
    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let bad = x.select(1, 0).gt(50.0).logical_and(&t.ge(self.0));
        (x * -1.0).masked_fill(&bad.unsqueeze(1), f64::NAN)
    }
}

fn batch() -> Tensor {
    points(&[0.3, 1.0, -2.0, 0.1, 1000.0, 0.0, 0.7, 0.7], 2)
}

fn shared() -> Solver {
    let controller = Arc::new(Shared(Arc::new(PiController::new(1e-6, 1e-6, 5))));
    Solver::new(Method::Dopri5.tableau(), Stepping::Adaptive { controller, max_steps: 1000 }).unwrap()
}

fn solvers() -> [Solver; 3] {
    let adaptive = SolverConfig { rtol: 1e-6, atol: 1e-6, ..SolverConfig::default() };
    let fixed = SolverConfig { method: Method::Rk4, steps: Some(20), ..SolverConfig::default() };
    [adaptive.build().unwrap(), fixed.build().unwrap(), shared()]
}

const KEEP: SolveOptions<'_> = SolveOptions { save_at: &[0.3, 1.0], events: &[], failures: Failures::Keep };

#[test]
fn a_bad_row_is_named_or_left_behind() {
    let x = batch();
    for (number, solver) in solvers().into_iter().enumerate() {
        for from in [0.0, 0.5] {
            let field = Poisoned(from);
            let failure = solver.solve(&field, &x, 0.0, 1.0).unwrap_err();
            let Error::NonFinite { row: 2, time } = failure else { panic!("{number}: {failure}") };
            assert!((from..=1.0).contains(&time), "{number}: {time}");
            let found = solver.integrate(&FieldTerm::new(&field), &x, 0.0, 1.0, &KEEP).unwrap();
            let mut stops = [StopReason::ReachedEnd; 4];
            stops[2] = StopReason::NonFinite;
            assert_eq!((&found.stops[..], found.statistics.stop), (&stops[..], StopReason::NonFinite));
            assert!(found.y.get(2).isnan().all().int64_value(&[]) == 1);
            assert!(found.t.double_value(&[2]) <= 0.5 && found.t.double_value(&[1]) >= 1.0);
            assert!(found.saved[1].get(2).isnan().all().int64_value(&[]) == 1);
            for row in [0, 1, 3] {
                let off = distance(&found.y.get(row), &(x.get(row) * (-1f64).exp()));
                assert!(off < 1e-5, "{number}, row {row}: {off}");
            }
        }
    }
}

#[test]
fn rows_that_run_out_of_steps_are_named_or_left_behind() {
    let x = points(&[1.0, 0.5, 1.0, 1e4, 0.3, 1.0], 2);
    let solver = SolverConfig { max_steps: 25, ..SolverConfig::default() }.build().unwrap();
    let failure = solver.solve(&Stiff, &x, 0.0, 1.0).unwrap_err();
    let Error::StepLimit { row: 1, unfinished: 1, .. } = failure else { panic!("{failure}") };
    let found = solver.integrate(&FieldTerm::new(&Stiff), &x, 0.0, 1.0, &KEEP).unwrap();
    assert_eq!(found.stops, [StopReason::ReachedEnd, StopReason::StepLimit, StopReason::ReachedEnd]);
    let time = found.t.double_value(&[1]);
    assert!(time > 0.0 && time < 1.0, "{time}");
    let alone = solver.solve(&Stiff, &x.narrow(0, 2, 1), 0.0, 1.0).unwrap().x;
    assert!(distance(&found.y.narrow(0, 2, 1), &alone) < 1e-12);
}

#[test]
fn a_bad_row_of_a_stochastic_equation_is_named_or_left_behind() {
    let x = batch();
    let diffusion = diffusion(Interpolant::linear(), 2, DiffusionShape::Regular, 0.2);
    let field = Poisoned(0.5);
    let sde = Sde { velocity: &field, score: ScoreSource::Velocity, diffusion: &diffusion };
    let path = BrownianPath::new(3, 0);
    for tolerance in [None, Some(0.05)] {
        let solver = SdeConfig { steps: 16, tolerance, ..SdeConfig::default() }.build().unwrap();
        let failure = solver.solve(&sde, &path, &x, 0.0, 1.0).unwrap_err();
        let Error::NonFinite { row: 2, time } = failure else { panic!("{failure}") };
        assert!((0.5..=1.0).contains(&time), "{time}");
        let keeping = solver.clone().with_failures(Failures::Keep);
        let found = keeping.solve(&sde, &path, &x, 0.0, 1.0).unwrap();
        assert_eq!(found.statistics.stop, StopReason::NonFinite);
        let missing = Vec::<bool>::try_from(found.x.isnan().select(1, 1)).unwrap();
        assert_eq!(missing, [false, false, true, false]);
        let alone = solver.solve(&sde, &path, &x.narrow(0, 0, 2), 0.0, 1.0).unwrap().x;
        assert!(found.x.narrow(0, 0, 2).equal(&alone));
    }
}

//! Independence of samples, cost, and failures.

use interflow_solvers::{Error, Method, SolverConfig, StopReason};

use crate::fields::{Breaks, Linear, Rotation, Stiff, distance, points};

fn config(tolerance: f64) -> SolverConfig {
    SolverConfig { rtol: tolerance, atol: tolerance, ..SolverConfig::default() }
}

#[test]
fn a_hard_neighbour_does_not_change_a_result() {
    let easy = points(&[1.0, 0.5], 2);
    let both = points(&[1.0, 0.5, 3.0, 300.0], 2);
    for method in [Method::Bosh3, Method::Dopri5, Method::Tsit5] {
        let solver = SolverConfig { method, ..config(1e-6) }.build().unwrap();
        let alone = solver.solve(&Stiff, &easy, 0.0, 1.0).unwrap();
        let beside = solver.solve(&Stiff, &both, 0.0, 1.0).unwrap();
        assert!(distance(&alone.x, &beside.x.narrow(0, 0, 1)) <= 1e-12, "{method:?}");
        assert!(beside.statistics.nfe > 3 * alone.statistics.nfe);
    }
}

#[test]
fn dopri5_calls_the_field_six_times_a_step() {
    let x = points(&[0.6, -0.3], 2);
    let done = config(1e-6).build().unwrap().solve(&Rotation(4.0), &x, 0.0, 1.0).unwrap().statistics;
    assert_eq!(done.nfe, 2 + 6 * (done.accepted_steps + done.rejected_steps));
    assert_eq!((done.nfe, done.accepted_steps, done.rejected_steps), (104, 17, 0));
    assert_eq!(done.stop, StopReason::ReachedEnd);
}

#[test]
fn fixed_grids_reuse_the_last_stage() {
    let x = points(&[0.6, -0.3], 2);
    for (method, nfe) in [(Method::Dopri5, 61), (Method::Bosh3, 31), (Method::Rk4, 40), (Method::Euler, 10)] {
        let solver = SolverConfig { method, steps: Some(10), ..SolverConfig::default() }.build().unwrap();
        assert_eq!(solver.solve(&Rotation(1.0), &x, 0.0, 1.0).unwrap().statistics.nfe, nfe, "{method:?}");
    }
}

#[test]
fn a_broken_field_is_named_with_its_time() {
    let x = points(&[0.0], 1);
    let steps = SolverConfig { method: Method::Euler, steps: Some(10), ..SolverConfig::default() };
    for config in [config(1e-6), steps] {
        let failure = config.build().unwrap().solve(&Breaks(0.55), &x, 0.0, 1.0).unwrap_err();
        let Error::NonFinite { row: 0, time } = failure else { panic!("{failure}") };
        assert!(time > 0.55 && time <= 1.0, "{time}");
    }
}

#[test]
fn too_many_steps_are_an_error() {
    let x = points(&[1.0, 1e4], 2);
    let limited = SolverConfig { max_steps: 7, ..config(1e-6) };
    let failure = limited.build().unwrap().solve(&Stiff, &x, 0.0, 1.0).unwrap_err();
    let Error::StepLimit { row: 0, time, max_steps: 7, unfinished: 1 } = failure else { panic!("{failure}") };
    assert!(time < 1.0);
}

#[test]
fn bad_settings_shapes_and_times_are_refused() {
    assert!(matches!(SolverConfig { rtol: 0.0, ..config(1.0) }.build(), Err(Error::InvalidConfig { .. })));
    let euler = SolverConfig { method: Method::Euler, ..config(1.0) };
    assert!(matches!(euler.build(), Err(Error::MissingSteps)));
    let solver = config(1e-6).build().unwrap();
    let x = points(&[1.0, 2.0], 2);
    let field = Linear { rate: 1.0, dim: 3 };
    assert!(matches!(solver.solve(&field, &x, 0.0, 1.0), Err(Error::Core(_))));
    let times = solver.solve_saving(&Rotation(1.0), &x, &[0.0, 1.0, 0.5]);
    assert!(matches!(times, Err(Error::InvalidTimes { .. })));
}

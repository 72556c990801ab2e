//! Steps of the stochastic equation by error: the same paths, the same laws, a sample's own steps.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use interflow_core::density::Sampler;
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_solvers::{BrownianPath, DiffusionShape, Error, Scheme, ScoreSource, Sde, SdeConfig};
use tch::Kind;

use crate::fields::{Breaks, points};
use crate::noise::{Blobs, Widening, check_moments, diffusion, ends, mean_length, solve};

/// A solver that makes its steps by a tolerance.
fn by_tolerance(tolerance: f64) -> SdeConfig {
    SdeConfig { tolerance: Some(tolerance), ..SdeConfig::default() }
}

/// Solutions of any tolerance follow the same Brownian paths, those of the fixed grids: they approach one of 2048
/// steps. The noise is strongest where the score is steepest, so that steps are rejected.
#[test]
fn tolerances_lead_to_the_solution_along_the_same_path() {
    let field = Blobs::new(Interpolant::linear());
    let diffusion = diffusion(Interpolant::linear(), 2, DiffusionShape::Constant, 1.0);
    let sde = Sde { velocity: &field, score: ScoreSource::Velocity, diffusion: &diffusion };
    let x = Stream::new(1, Purpose::Test).at(0).normal(&[50, 2], Kind::Double);
    let path = BrownianPath::new(3, 0);
    let exact = solve((Scheme::Shark, 2048), &field, &diffusion, &x, (0.0, 0.98));
    for scheme in [Scheme::Shark, Scheme::Heun] {
        let (mut last, mut rejected) = (f64::INFINITY, 0);
        for tolerance in [0.3, 0.03, 0.003] {
            let solver = SdeConfig { scheme, ..by_tolerance(tolerance) }.build().unwrap();
            let found = solver.solve(&sde, &path, &x, 0.0, 0.98).unwrap();
            let error = mean_length(&(found.x - &exact));
            assert!(
                error < 0.7 * last && error < 5.0 * tolerance,
                "{scheme:?}, {tolerance}: {error} after {last}"
            );
            rejected += found.statistics.rejected_steps;
            last = error;
        }
        assert!(rejected > 20, "{scheme:?}: {rejected} rejected steps");
    }
}

/// n = 2000 samples, every one with its own steps, to and fro.
#[test]
fn steps_by_error_keep_the_law() {
    let (rho0, rho1) = ends();
    let field = Blobs::new(Interpolant::linear());
    let diffusion = diffusion(Interpolant::linear(), 2, DiffusionShape::Constant, 1.0);
    let sde = Sde { velocity: &field, score: ScoreSource::Velocity, diffusion: &diffusion };
    let solver = by_tolerance(0.1).build().unwrap();
    for (start, end, from, to) in [(&rho0, &rho1, 0.0, 1.0), (&rho1, &rho0, 1.0, 0.0)] {
        let x = start.sample(2000, &mut Stream::new(2, Purpose::Test).at(0), Kind::Double);
        let found = solver.solve(&sde, &BrownianPath::new(3, 0), &x, from, to).unwrap();
        check_moments(&found.x, end, &format!("from {from} to {to}"));
    }
}

#[test]
fn a_samples_steps_do_not_depend_on_its_batch() {
    let diffusion = diffusion(Interpolant::linear(), 100, DiffusionShape::Regular, 2.0);
    let sde = Sde { velocity: &Widening, score: ScoreSource::Velocity, diffusion: &diffusion };
    let x = Stream::new(1, Purpose::Test).at(0).normal(&[7, 100], Kind::Float);
    let solver = by_tolerance(0.05).build().unwrap();
    let run = |first: u64, n: i64| {
        solver.solve(&sde, &BrownianPath::new(3, first), &x.narrow(0, first as i64, n), 0.0, 1.0).unwrap()
    };
    let (together, some) = (run(0, 7), run(4, 2));
    assert!(together.x.narrow(0, 4, 2).equal(&some.x));
    assert!(some.statistics.accepted_steps < together.statistics.accepted_steps);
}

#[test]
fn senseless_tolerances_are_refused() {
    for tolerance in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(by_tolerance(tolerance).build(), Err(Error::InvalidConfig { .. })), "{tolerance}");
    }
    let euler = SdeConfig { scheme: Scheme::EulerMaruyama, ..by_tolerance(0.1) };
    assert!(matches!(euler.build(), Err(Error::MissingSteps)));
    let diffusion = diffusion(Interpolant::linear(), 1, DiffusionShape::Regular, 1.0);
    let sde = Sde { velocity: &Breaks(0.55), score: ScoreSource::Velocity, diffusion: &diffusion };
    let solver = by_tolerance(0.1).build().unwrap();
    let failure = solver.solve(&sde, &BrownianPath::new(0, 0), &points(&[0.0], 1), 0.0, 1.0).unwrap_err();
    let Error::NonFinite { row: 0, time } = failure else { panic!("{failure}") };
    assert!(time > 0.55 && time < 0.7, "{time}");
}

//! The stochastic equation: orders, laws, independence of the batch, and failures.

use interflow_core::VectorField;
use interflow_core::conversion::Conversion;
use interflow_core::density::{GaussianMixture, MixturePath, Sampler, StandardNormal};
use interflow_core::interpolant::{Gamma, Interpolant, Linear};
use interflow_core::rng::{Purpose, Stream};
use interflow_solvers::{
    BrownianPath, DiffusionConfig, DiffusionShape, Error, Method, Scheme, ScoreSource, Sde, SdeConfig,
    SolverConfig,
};
use tch::{Kind, Tensor};

use crate::fields::{Breaks, distance, points};
use crate::noise::{Blobs, Widening, check_moments, diffusion, ends, mean_length, solve};

const SCHEMES: [Scheme; 3] = [Scheme::EulerMaruyama, Scheme::Heun, Scheme::Shark];

/// The slope of log error against log step over halved steps.
fn order(errors: &[f64]) -> f64 {
    (errors[0] / errors[errors.len() - 1]).log2() / (errors.len() - 1) as f64
}

/// The strong order over halved steps, from time 0 on: the mean distance of 100 samples from a solution of finer steps along
/// the same Brownian paths.
fn strong_order(scheme: Scheme, shape: DiffusionShape, end: f64, (steps, fine): ([u32; 3], u32)) -> f64 {
    let field = Blobs::new(Interpolant::linear());
    let diffusion = diffusion(Interpolant::linear(), 2, shape, 0.5);
    let x = Stream::new(1, Purpose::Test).at(0).normal(&[100, 2], Kind::Double);
    let end = |scheme, steps| solve((scheme, steps), &field, &diffusion, &x, (0.0, end));
    let exact = end(Scheme::Shark, fine);
    order(&steps.map(|steps| mean_length(&(end(scheme, steps) - &exact))))
}

#[test]
fn schemes_converge_strongly_with_their_orders() {
    let check = |scheme, steps, expected: f64| {
        let found = strong_order(scheme, DiffusionShape::Constant, 0.8, (steps, 512));
        assert!((found - expected).abs() < 0.15, "{scheme:?}: strong order {found}");
    };
    check(Scheme::EulerMaruyama, [16, 32, 64], 1.0);
    check(Scheme::Heun, [16, 32, 64], 1.0);
    check(Scheme::Shark, [32, 64, 128], 1.5);
}

/// The correction for a strength that varies within a step; without it the order is 1.
#[test]
fn a_varying_strength_keeps_the_order() {
    let found = strong_order(Scheme::Shark, DiffusionShape::Regular, 0.8, ([32, 64, 128], 512));
    assert!(found > 1.35, "strong order {found}");
}

/// Up to the path's end the constant strength keeps the order; the default one and the vanishing one, whose √ε has a root at
/// an end, do not.
#[test]
fn a_strength_that_vanishes_at_an_end_has_order_1() {
    let found = strong_order(Scheme::Shark, DiffusionShape::Constant, 1.0, ([64, 128, 256], 1024));
    assert!((found - 1.5).abs() < 0.15, "a constant strength: {found}");
    for (shape, end) in [(DiffusionShape::default(), 1.0), (DiffusionShape::Vanishing, 0.8)] {
        let found = strong_order(Scheme::Shark, shape, end, ([16, 32, 64], 1024));
        assert!((found - 1.0).abs() < 0.15, "{shape:?}: {found}");
    }
}

/// The error of E[x²] over 50 000 numbers, against a fine solution along the same Brownian paths, whose own value
/// is known.
#[test]
fn schemes_converge_weakly_with_their_orders() {
    let diffusion = diffusion(Interpolant::linear(), 100, DiffusionShape::Constant, 1.0);
    let x = Stream::new(1, Purpose::Test).at(0).normal(&[500, 100], Kind::Double);
    let end = |scheme, steps| solve((scheme, steps), &Widening, &diffusion, &x, (0.0, 0.4)).square();
    let fine = end(Scheme::Shark, 32);
    let exact = 0.6f64.powi(2) + 4.0 * 0.4f64.powi(2);
    let bound = 5.0 * exact * (2.0f64 / 5e4).sqrt();
    assert!((fine.mean(Kind::Double).double_value(&[]) - exact).abs() < bound);
    for (scheme, steps, expected) in
        [(Scheme::EulerMaruyama, [16, 32], 1.0), (Scheme::Heun, [4, 8], 2.0), (Scheme::Shark, [4, 8], 2.0)]
    {
        let errors =
            steps.map(|steps| (end(scheme, steps) - &fine).mean(Kind::Double).double_value(&[]).abs());
        let found = order(&errors);
        assert!((found - expected).abs() < 0.15, "{scheme:?}: weak order {found}, errors {errors:?}");
    }
}

#[test]
fn every_strength_leads_from_end_to_end() {
    let (rho0, rho1) = ends();
    let draw =
        |law: &GaussianMixture| law.sample(2000, &mut Stream::new(2, Purpose::Test).at(0), Kind::Double);
    let (x0, x1) = (draw(&rho0), draw(&rho1));
    let (line, arc) = (Interpolant::linear as fn() -> Interpolant, Interpolant::trigonometric as fn() -> _);
    for (scheme, steps, strength, shape, interpolant) in [
        (Scheme::Shark, 32, 0.0, DiffusionShape::Regular, arc),
        (Scheme::Shark, 32, 0.1, DiffusionShape::Constant, line),
        (Scheme::Heun, 32, 1.0, DiffusionShape::Regular, arc),
        (Scheme::EulerMaruyama, 128, 1.0, DiffusionShape::Vanishing, line),
        (Scheme::Shark, 64, 5.0, DiffusionShape::Alpha, arc),
        (Scheme::Shark, 128, 5.0, DiffusionShape::Constant, line),
    ] {
        let field = Blobs::new(interpolant());
        let diffusion = diffusion(interpolant(), 2, shape, strength);
        let there = solve((scheme, steps), &field, &diffusion, &x0, (0.0, 1.0));
        check_moments(&there, &rho1, &format!("{scheme:?}, {strength} {shape:?}, forward"));
        let back = solve((scheme, steps), &field, &diffusion, &x1, (1.0, 0.0));
        check_moments(&back, &rho0, &format!("{scheme:?}, {strength} {shape:?}, backward"));
    }
}

#[test]
fn a_latent_path_is_followed_with_noise_proportional_to_gamma() {
    let interpolant = || Interpolant::new(Linear, Some(Gamma::Brownian { strength: 0.5 }));
    let (rho0, rho1) = ends();
    let x0 = rho0.sample(2000, &mut Stream::new(2, Purpose::Test).at(0), Kind::Double);
    let diffusion = diffusion(interpolant(), 2, DiffusionShape::Gamma, 1.0);
    let field = Blobs::new(interpolant());
    let found = solve((Scheme::Shark, 64), &field, &diffusion, &x0, (0.0, 1.0));
    check_moments(&found, &rho1, "Brownian γ");
}

/// Neither end is Gaussian: the score is a field of its own, regular up to the ends.
#[test]
fn a_known_score_serves_where_the_velocity_does_not_tell_it() {
    let (_, ends) = ends();
    let from = GaussianMixture::spherical(&points(&[-1.0, 0.5, 1.0, -0.5], 2), 0.6).unwrap();
    let exact = MixturePath::new(&from, &ends, Interpolant::linear()).unwrap();
    let diffusion = diffusion(Interpolant::linear(), 2, DiffusionShape::Constant, 0.5);
    let (velocity, score) = (exact.velocity(), exact.score());
    let sde = Sde { velocity: &velocity, score: ScoreSource::Field(&score), diffusion: &diffusion };
    let solver = SdeConfig { scheme: Scheme::Shark, steps: 32, ..SdeConfig::default() }.build().unwrap();
    let x0 = from.sample(2000, &mut Stream::new(2, Purpose::Test).at(0), Kind::Double);
    let found = solver.solve(&sde, &BrownianPath::new(3, 0), &x0, 0.0, 1.0).unwrap();
    check_moments(&found.x, &ends, "a known score");
    assert_eq!(found.statistics.nfe, 128);
}

#[test]
fn a_sample_does_not_depend_on_its_batch_bit_for_bit() {
    let diffusion = diffusion(Interpolant::linear(), 100, DiffusionShape::Regular, 2.0);
    let sde = Sde { velocity: &Widening, score: ScoreSource::Velocity, diffusion: &diffusion };
    let x = Stream::new(1, Purpose::Test).at(0).normal(&[7, 100], Kind::Float);
    for scheme in SCHEMES {
        let solver = SdeConfig { scheme, steps: 11, ..SdeConfig::default() }.build().unwrap();
        let run = |first: u64, n: i64| {
            let x = x.narrow(0, first as i64, n);
            solver.solve(&sde, &BrownianPath::new(3, first), &x, 0.0, 1.0).unwrap().x
        };
        let together = run(0, 7);
        assert!(together.narrow(0, 4, 2).equal(&run(4, 2)), "{scheme:?}");
        assert_eq!(together.kind(), Kind::Float);
    }
}

#[test]
fn without_noise_it_is_the_flow() {
    let field = Blobs::new(Interpolant::trigonometric());
    let diffusion = diffusion(Interpolant::trigonometric(), 2, DiffusionShape::Constant, 0.0);
    let x = points(&[0.6, -0.3, 1.5, 0.2], 2);
    let ode = SolverConfig { method: Method::Heun, steps: Some(32), ..SolverConfig::default() };
    for times in [(0.0, 1.0), (1.0, 0.25)] {
        let exact = ode.build().unwrap().solve(&field, &x, times.0, times.1).unwrap().x;
        let found = solve((Scheme::Heun, 32), &field, &diffusion, &x, times);
        assert!(distance(&found, &exact) < 1e-12);
    }
}

#[test]
fn calls_are_counted_and_the_gap_before_a_singular_end_is_crossed() {
    let x = points(&[0.6, -0.3], 2);
    let field = Blobs::new(Interpolant::linear());
    let nfe = |scheme, shape, (from, to)| {
        let solver = SdeConfig { scheme, steps: 10, ..SdeConfig::default() }.build().unwrap();
        let diffusion = diffusion(Interpolant::linear(), 2, shape, 1.0);
        let sde = Sde { velocity: &field, score: ScoreSource::Velocity, diffusion: &diffusion };
        let path = solver.solve(&sde, &BrownianPath::new(0, 0), &x, from, to).unwrap();
        (path.statistics.nfe, path.statistics.accepted_steps)
    };
    assert_eq!(nfe(Scheme::EulerMaruyama, DiffusionShape::Regular, (0.0, 1.0)), (10, 10));
    assert_eq!(nfe(Scheme::Shark, DiffusionShape::Regular, (1.0, 0.0)), (20, 10));
    assert_eq!(nfe(Scheme::Heun, DiffusionShape::Constant, (0.0, 1.0)), (22, 10));
    assert_eq!(nfe(Scheme::Heun, DiffusionShape::Constant, (0.0, 0.5)), (20, 10));
    assert_eq!(nfe(Scheme::Heun, DiffusionShape::Constant, (0.3, 0.3)), (0, 0));
}

#[test]
fn a_broken_field_is_named_with_its_time() {
    let diffusion = diffusion(Interpolant::linear(), 1, DiffusionShape::Regular, 1.0);
    for scheme in SCHEMES {
        let solver = SdeConfig { scheme, steps: 8, ..SdeConfig::default() }.build().unwrap();
        let path = BrownianPath::new(0, 0);
        let sde = Sde { velocity: &Breaks(0.55), score: ScoreSource::Velocity, diffusion: &diffusion };
        let failure = solver.solve(&sde, &path, &points(&[0.0], 1), 0.0, 1.0).unwrap_err();
        let Error::NonFinite { row: 0, time } = failure else { panic!("{failure}") };
        assert!(time > 0.55 && time < 0.7, "{scheme:?}: {time}");
    }
}

#[test]
fn senseless_settings_are_refused() {
    assert!(matches!(
        SdeConfig { steps: 0, ..SdeConfig::default() }.build(),
        Err(Error::InvalidConfig { .. })
    ));
    let conversion = Conversion::new(Interpolant::linear(), StandardNormal { dim: 2 }).unwrap();
    let strength = |shape, strength| DiffusionConfig { shape, strength }.build(&conversion);
    assert!(matches!(strength(DiffusionShape::Constant, -1.0), Err(Error::InvalidConfig { .. })));
    assert!(matches!(strength(DiffusionShape::Constant, f64::NAN), Err(Error::InvalidConfig { .. })));
    assert!(matches!(strength(DiffusionShape::Gamma, 1.0), Err(Error::NoLatent)));
    let field = Blobs::new(Interpolant::linear());
    let solver = SdeConfig::default().build().unwrap();
    let noise = strength(DiffusionShape::Regular, 1.0).unwrap();
    let sde = Sde { velocity: &field, score: ScoreSource::Velocity, diffusion: &noise };
    for (from, to) in [(0.0, 1.1), (-0.1, 1.0), (f64::NAN, 1.0)] {
        let x = points(&[0.0, 1.0], 2);
        let refused = solver.solve(&sde, &BrownianPath::new(0, 0), &x, from, to);
        assert!(matches!(refused, Err(Error::OutsideOfPath { .. })));
    }
    let wide = points(&[0.0, 1.0, 2.0], 3);
    let refused = solver.solve(&sde, &BrownianPath::new(0, 0), &wide, 0.0, 1.0);
    assert!(matches!(refused, Err(Error::Core(_))));
}

/// Neither end is Gaussian and the path has a latent: the denoiser alone tells the score, up to the ends where the
/// strength is proportional to γ.
#[test]
fn a_denoiser_serves_whatever_the_base() {
    let (_, ends) = ends();
    let from = GaussianMixture::spherical(&points(&[-1.0, 0.5, 1.0, -0.5], 2), 0.6).unwrap();
    let x0 = from.sample(2000, &mut Stream::new(2, Purpose::Test).at(0), Kind::Double);
    for (gamma, shape, nfe) in [
        (Gamma::Quadratic, DiffusionShape::Gamma, 256),
        (Gamma::Quadratic, DiffusionShape::Constant, 260),
        (Gamma::Brownian { strength: 0.5 }, DiffusionShape::Gamma, 260),
    ] {
        let interpolant = || Interpolant::new(Linear, Some(gamma));
        let exact = MixturePath::new(&from, &ends, interpolant()).unwrap();
        let diffusion = diffusion(interpolant(), 2, shape, 1.0);
        let (velocity, denoiser) = (exact.velocity(), Denoising(exact.clone()));
        let sde = Sde { velocity: &velocity, score: ScoreSource::Denoiser(&denoiser), diffusion: &diffusion };
        let solver = SdeConfig { scheme: Scheme::Shark, steps: 64, ..SdeConfig::default() }.build().unwrap();
        let found = solver.solve(&sde, &BrownianPath::new(3, 0), &x0, 0.0, 1.0).unwrap();
        check_moments(&found.x, &ends, &format!("{gamma:?}, {shape:?}"));
        assert_eq!(found.statistics.nfe, nfe, "{gamma:?}, {shape:?}");
    }
}

/// The exact denoiser `−γ s` of a path.
struct Denoising(MixturePath);

impl VectorField for Denoising {
    fn dim(&self) -> i64 {
        self.0.dim()
    }
    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let gamma = self.0.interpolant().gamma().map(|gamma| gamma.coefficients(&t.unsqueeze(1)).gamma);
        self.0.score().value(t, x) * gamma.unwrap_or_else(|| t.zeros_like()) * -1.0
    }
}

#[test]
fn a_denoiser_without_latent_is_refused() {
    let diffusion = diffusion(Interpolant::linear(), 2, DiffusionShape::Regular, 1.0);
    let field = Blobs::new(Interpolant::linear());
    let sde = Sde { velocity: &field, score: ScoreSource::Denoiser(&field), diffusion: &diffusion };
    let solver = SdeConfig::default().build().unwrap();
    let refused = solver.solve(&sde, &BrownianPath::new(0, 0), &points(&[0.0, 1.0], 2), 0.0, 1.0);
    assert!(matches!(refused, Err(Error::NoLatent)));
}

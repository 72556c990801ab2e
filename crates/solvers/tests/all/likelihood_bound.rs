//! The bound on the stochastic equation's log-density: exact for exact fields, below it for others.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use std::f64::consts::TAU;

use interflow_core::VectorField;
use interflow_core::conversion::Conversion;
use interflow_core::density::{GaussianMixture, MixturePath, Sampler, StandardNormal};
use interflow_core::interpolant::{Gamma, Interpolant, Linear};
use interflow_core::rng::{Purpose, Stream};
use interflow_solvers::{
    BrownianPath, DiffusionConfig, DiffusionShape, Error, ScoreSource, Sde, SdeConfig, log_density_bound,
};
use tch::{Kind, Tensor};

use crate::fields::points;

/// The standard deviation of the targets.
const WIDTH: f64 = 0.6;

fn target(means: &[f64]) -> GaussianMixture {
    GaussianMixture::spherical(&points(means, 2), WIDTH).unwrap()
}

fn path(target: &GaussianMixture, interpolant: Interpolant) -> MixturePath {
    MixturePath::new(&GaussianMixture::spherical(&points(&[0.0, 0.0], 2), 1.0).unwrap(), target, interpolant)
        .unwrap()
}

/// The bound at 400 points of the target by 128 steps, with the score that `score` makes of the path's own.
fn bound(
    exact: &MixturePath,
    interpolant: Interpolant,
    noise: (DiffusionShape, f64),
    score: ScoreSource<'_>,
    x: &Tensor,
) -> Tensor {
    bound_by(128, exact, (interpolant, noise), score, x)
}

/// The same by another number of steps.
fn bound_by(
    steps: u32,
    exact: &MixturePath,
    (interpolant, (shape, strength)): (Interpolant, (DiffusionShape, f64)),
    score: ScoreSource<'_>,
    x: &Tensor,
) -> Tensor {
    let conversion = Conversion::new(interpolant, StandardNormal { dim: 2 }).unwrap();
    let diffusion = DiffusionConfig { shape, strength }.build(&conversion).unwrap();
    let velocity = exact.velocity();
    let sde = Sde { velocity: &velocity, score, diffusion: &diffusion };
    let solver = SdeConfig { steps, ..SdeConfig::default() }.build().unwrap();
    let base = StandardNormal { dim: 2 };
    log_density_bound(&solver, &sde, &base, &BrownianPath::new(3, 0), x, 1.0).unwrap().log_density
}

fn draw(target: &GaussianMixture) -> Tensor {
    target.sample(400, &mut Stream::new(5, Purpose::Test).at(0), Kind::Double)
}

fn mean(x: &Tensor) -> f64 {
    x.mean(Kind::Double).double_value(&[])
}

fn deviation(x: &Tensor) -> f64 {
    x.std(true).double_value(&[])
}

/// With the exact fields of a Gaussian and of a two-component target the bound is the log-density, path by path.
#[test]
fn the_bound_is_exact_for_exact_fields() {
    let latent = || Interpolant::new(Linear, Some(Gamma::Brownian { strength: 0.5 }));
    for (means, interpolant, shape) in [
        (&[0.5, -1.0][..], Interpolant::linear as fn() -> Interpolant, DiffusionShape::Regular),
        (&[0.5, -1.0], Interpolant::trigonometric, DiffusionShape::Vanishing),
        (&[1.0, 0.0, -1.0, 0.5], latent, DiffusionShape::Gamma),
    ] {
        let law = target(means);
        let exact = path(&law, interpolant());
        let x = draw(&law);
        let found = bound(&exact, interpolant(), (shape, 0.7), ScoreSource::Velocity, &x);
        let difference = found - exact.log_density(&Tensor::ones_like(&x.select(1, 0)), &x).unwrap();
        assert!(mean(&difference).abs() < 0.03, "{shape:?}: off by {} on average", mean(&difference));
        assert!(deviation(&difference) < 0.25, "{shape:?}: paths differ by {}", deviation(&difference));
    }
}

/// With exact fields paths differ by the steps alone, and less so with more of them: as the root of the steps' number.
#[test]
fn what_is_left_to_chance_falls_with_the_root_of_the_steps() {
    let law = target(&[0.5, -1.0]);
    let exact = path(&law, Interpolant::linear());
    let x = draw(&law);
    let truth = exact.log_density(&Tensor::ones_like(&x.select(1, 0)), &x).unwrap();
    let [few, many] = [16, 256].map(|steps| {
        let noise = (Interpolant::linear(), (DiffusionShape::Regular, 0.7));
        deviation(&(bound_by(steps, &exact, noise, ScoreSource::Velocity, &x) - &truth))
    });
    assert!(few > 0.2, "a trivial case: {few}");
    let order = (few / many).log2() / 4.0;
    assert!((order - 0.5).abs() < 0.15, "paths differ by {few} and {many}: order {order}");
}

/// Half the exact score.
struct Half(MixturePath);

impl VectorField for Half {
    fn dim(&self) -> i64 {
        2
    }
    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        self.0.score().value(t, x) * 0.5
    }
}

/// The strength of the noise with the wrong score.
const STRENGTH: f64 = 1.5;

/// σ², and σσ̇, of the straight line to N(0, WIDTH²).
fn variance(t: f64) -> (f64, f64) {
    let slope = -(1.0 - t) + WIDTH * WIDTH * t;
    ((1.0 - t).powi(2) + (WIDTH * t).powi(2), slope)
}

/// The variance at t = 1 of `dX = (σ̇/σ − ε/(2σ²)) X dt + √(2ε) dW`, by the classical Runge–Kutta method.
fn variance_with_half_the_score() -> f64 {
    let rate = |t: f64, p: f64| {
        let (square, slope) = variance(t);
        2.0 * (slope - 0.5 * STRENGTH) / square * p + 2.0 * STRENGTH
    };
    let (n, mut p) = (2000, 1.0);
    let h = 1.0 / f64::from(n);
    for i in 0..n {
        let t = f64::from(i) * h;
        let k1 = rate(t, p);
        let k2 = rate(t + 0.5 * h, p + 0.5 * h * k1);
        let k3 = rate(t + 0.5 * h, p + 0.5 * h * k2);
        let k4 = rate(t + h, p + h * k3);
        p += h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
    }
    p
}

/// With a wrong score the equation's own law is still Gaussian and known: the bound lies below its log-density. And
/// by the score's error the divergence of the laws is bounded: `KL(ρ1 ‖ p1) ≤ ¼ ∫ ε E|s − ŝ|² dt`.
#[test]
fn a_wrong_score_lowers_the_bound_below_the_density() {
    let law = target(&[0.0, 0.0]);
    let exact = path(&law, Interpolant::linear());
    let x = draw(&law);
    let half = Half(exact.clone());
    let found = bound(
        &exact,
        Interpolant::linear(),
        (DiffusionShape::Constant, STRENGTH),
        ScoreSource::Field(&half),
        &x,
    );
    let p = variance_with_half_the_score();
    let own = x.square().sum_dim_intlist(1i64, false, Kind::Double) * (-0.5 / p) - (TAU * p).ln();
    let gap = own - found;
    let error = deviation(&gap) / 20.0;
    assert!(mean(&gap) > 4.0 * error && mean(&gap) < 1.0, "the gap is {} ± {error}", mean(&gap));

    let ratio = WIDTH * WIDTH / p;
    let divergence = ratio - 1.0 - ratio.ln();
    let integral: f64 =
        (0..1000).map(|i| 2.0 * 0.25 / variance((f64::from(i) + 0.5) / 1000.0).0 / 1000.0).sum();
    let bound = 0.25 * STRENGTH * integral;
    assert!(divergence > 0.01 && divergence < bound, "{divergence} is not below {bound}");
}

#[test]
fn steps_of_their_own_are_refused() {
    let law = target(&[0.0, 0.0]);
    let exact = path(&law, Interpolant::linear());
    let conversion = Conversion::new(Interpolant::linear(), StandardNormal { dim: 2 }).unwrap();
    let diffusion =
        DiffusionConfig { shape: DiffusionShape::Regular, strength: 1.0 }.build(&conversion).unwrap();
    let velocity = exact.velocity();
    let sde = Sde { velocity: &velocity, score: ScoreSource::Velocity, diffusion: &diffusion };
    let solver = SdeConfig { tolerance: Some(0.1), ..SdeConfig::default() }.build().unwrap();
    let base = StandardNormal { dim: 2 };
    let found = log_density_bound(&solver, &sde, &base, &BrownianPath::new(3, 0), &draw(&law), 1.0);
    assert!(matches!(found, Err(Error::AdaptiveSteps { .. })));
}

//! Score, denoiser and posterior means against paths with closed forms, and every conversion against its inverse.

#![allow(clippy::unwrap_used)]

use std::f64::consts::{FRAC_PI_2, PI};

use interflow_core::conversion::{Conversion, GaussianBase};
use interflow_core::density::{Gaussian, GaussianMixture, MixturePath, StandardNormal};
use interflow_core::interpolant::{EncodingDecoding, Gamma, Interpolant, Linear, Trigonometric};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Error, Score, VectorField, Velocity};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

const KINDS: usize = 6;

fn interpolant(which: usize) -> Interpolant {
    match which {
        0 => Interpolant::trigonometric(),
        1 => Interpolant::linear(),
        2 => Interpolant::new(Linear, Some(Gamma::Brownian { strength: 0.7 })),
        3 => Interpolant::new(Trigonometric, Some(Gamma::Quadratic)),
        4 => Interpolant::new(Linear, Some(Gamma::SineSquared)),
        _ => Interpolant::new(EncodingDecoding, Some(Gamma::SineSquared)),
    }
}

fn normal(seed: u64, shape: &[i64]) -> Tensor {
    Stream::new(seed, Purpose::Test).at(0).normal(shape, Kind::Double)
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

fn covariance(seed: u64, dim: i64) -> Tensor {
    let a = normal(seed, &[dim, dim]) * 0.5;
    a.matmul(&a.tr()) + Tensor::eye(dim, (Kind::Double, Device::Cpu)) * 0.4
}

/// A base, N(0, I) or N(m, C), and the mixture of one that it is.
fn base(seed: u64, dim: i64, standard: bool) -> (GaussianBase, GaussianMixture) {
    let (mean, c) = if standard {
        (Tensor::zeros([dim], (Kind::Double, Device::Cpu)), Tensor::eye(dim, (Kind::Double, Device::Cpu)))
    } else {
        (normal(seed, &[dim]), covariance(seed + 1, dim))
    };
    let mixture = GaussianMixture::new(&[1.0], &mean.unsqueeze(0), &c.unsqueeze(0)).unwrap();
    if standard {
        return (StandardNormal { dim }.into(), mixture);
    }
    ((&Gaussian::new(&mean, &c).unwrap()).into(), mixture)
}

/// A conversion and an exact path to three Gaussians with it.
fn setup(seed: u64, dim: i64, which: usize, standard: bool) -> (Conversion, MixturePath) {
    let (base, rho0) = base(seed, dim, standard);
    let covariances = Tensor::stack(&[0, 1, 2].map(|k| covariance(seed + 3 + k, dim)), 0);
    let means = normal(seed + 6, &[3, dim]) * 1.5;
    let rho1 = GaussianMixture::new(&[1.0, 2.0, 3.0], &means, &covariances).unwrap();
    (
        Conversion::new(interpolant(which), base).unwrap(),
        MixturePath::new(&rho0, &rho1, interpolant(which)).unwrap(),
    )
}

/// Times `[5]` spread over a closed interval, its ends among them.
fn times((from, to): (f64, f64), inner: f64) -> Tensor {
    Tensor::from_slice(&[0.0, inner, 0.5, 1.0 - inner * 0.3, 1.0]) * (to - from) + from
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_score_of_the_exact_velocity_is_exact(
        seed in 0u64..1000, dim in 1i64..5, which in 0..KINDS, standard: bool, inner in 0.05f64..0.45,
    ) {
        let (conversion, path) = setup(seed, dim, which, standard);
        let x = normal(seed + 9, &[5, dim]) * 1.5;
        let t = times(conversion.score_regular_on(), inner);
        let exact = path.score().value(&t, &x);
        let found = conversion.score(path.velocity()).value(&t, &x);
        let error = largest(&((found - &exact) / (exact.abs() + 1.0)));
        prop_assert!(error < 1e-9, "interpolant {which}: {error}");
    }

    #[test]
    fn the_velocity_of_the_exact_score_is_exact(
        seed in 0u64..1000, dim in 1i64..5, which in 0..KINDS, standard: bool, inner in 0.05f64..0.45,
    ) {
        let (conversion, path) = setup(seed, dim, which, standard);
        let x = normal(seed + 9, &[5, dim]) * 1.5;
        let t = times(conversion.velocity_regular_on(), inner);
        let exact = path.velocity().value(&t, &x);
        let found = conversion.velocity(path.score()).value(&t, &x);
        let error = largest(&((found - &exact) / (exact.abs() + 1.0)));
        prop_assert!(error < 1e-9, "interpolant {which}: {error}");
    }

    /// Fields of no path at all: the algebra alone.
    #[test]
    fn velocity_and_score_invert_each_other(
        seed in 0u64..1000, dim in 1i64..5, which in 0..KINDS, standard: bool, inner in 0.05f64..0.45,
    ) {
        let (conversion, _) = setup(seed, dim, which, standard);
        let field = Swirl { mix: normal(seed + 10, &[dim, dim]) };
        let x = normal(seed + 9, &[5, dim]) * 1.5;
        let (a, b) = (conversion.score_regular_on(), conversion.velocity_regular_on());
        let t = times((a.0.max(b.0), a.1.min(b.1)), inner);
        let there = conversion.velocity(conversion.score(Velocity(&field))).value(&t, &x);
        let back = conversion.score(conversion.velocity(Score(&field))).value(&t, &x);
        let exact = field.value(&t, &x);
        prop_assert!(largest(&(there - &exact)) < 1e-8);
        prop_assert!(largest(&(back - &exact)) < 1e-8);
    }

    #[test]
    fn denoiser_and_score_invert_each_other(
        seed in 0u64..1000, which in 2..KINDS, standard: bool, inner in 0.05f64..0.45,
    ) {
        let (conversion, path) = setup(seed, 3, which, standard);
        let x = normal(seed + 9, &[5, 3]);
        let (a, b) = (conversion.score_regular_on(), conversion.interpolant().latent_regular_on().unwrap());
        let t = times((a.0.max(b.0), a.1.min(b.1)), inner);
        let denoiser = conversion.denoiser(path.velocity()).unwrap();
        let exact = path.score().value(&t, &x);
        let score = conversion.score_of_denoiser(denoiser).unwrap().value(&t, &x);
        prop_assert!(largest(&((score - &exact) / (exact.abs() + 1.0))) < 1e-8);
    }

    /// Between Gaussians (x0, x1, z, x_t) is jointly normal: the means given x_t are linear regressions on it.
    #[test]
    fn posterior_means_are_the_regressions_of_gaussians(
        seed in 0u64..1000, which in 0..KINDS, standard: bool, place in 0.0f64..=1.0,
    ) {
        let dim = 3;
        let (base, rho0) = base(seed, dim, standard);
        let (n, s) = (normal(seed + 4, &[dim]), covariance(seed + 5, dim));
        let rho1 = GaussianMixture::new(&[1.0], &n.unsqueeze(0), &s.unsqueeze(0)).unwrap();
        let path = MixturePath::new(&rho0, &rho1, interpolant(which)).unwrap();
        let conversion = Conversion::new(interpolant(which), base).unwrap();
        let (from, to) = conversion.posterior_regular_on();
        let time = from + place * (to - from);
        let x = normal(seed + 9, &[5, dim]);
        let means = conversion.posterior_means(&path.velocity(), time, &x).unwrap();

        let c = conversion.interpolant().coefficients(&Tensor::from(time));
        let value = |x: &Tensor| x.double_value(&[]);
        let (alpha, beta) = (value(&c.schedule.alpha), value(&c.schedule.beta));
        let gamma = c.latent.as_ref().map_or(0.0, |g| value(&g.gamma));
        let (m, c0) = (rho0.means().select(0, 0), rho0.covariances().select(0, 0));
        let eye = Tensor::eye(dim, (Kind::Double, Device::Cpu));
        let total = &c0 * (alpha * alpha) + &s * (beta * beta) + &eye * (gamma * gamma);
        let pull = (&x - &m * alpha - &n * beta).matmul(&total.inverse());
        let check = |found: &Tensor, exact: &Tensor| largest(&(found - exact));
        prop_assert!(check(&means.base, &(pull.matmul(&c0) * alpha + &m)) < 1e-8);
        prop_assert!(check(&means.target, &(pull.matmul(&s) * beta + &n)) < 1e-8, "at {time} of {which}");
        if let Some(latent) = means.latent {
            prop_assert!(check(&latent, &(pull * gamma)) < 1e-8);
        }
    }

    #[test]
    fn the_weighted_score_is_the_weight_times_the_score_up_to_the_end(
        seed in 0u64..1000, which in 0..KINDS, standard: bool,
    ) {
        let (conversion, path) = setup(seed, 3, which, standard);
        let x = normal(seed + 9, &[5, 3]);
        let last = if which < 2 { 1.0 } else { conversion.score_regular_on().1 };
        let t = Tensor::from_slice(&[0.01, 0.3, 0.6, last - 1e-7, last]);
        let found = conversion.weighted_score(&t, &x, &path.velocity().value(&t, &x));
        let exact = path.score().value(&t, &x) * conversion.score_weight(&t).unsqueeze(1);
        prop_assert!(largest(&(found - exact)) < 1e-9);
    }
}

/// A field of no path.
struct Swirl {
    mix: Tensor,
}

impl VectorField for Swirl {
    fn dim(&self) -> i64 {
        self.mix.size()[0]
    }

    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        (x.matmul(&self.mix) + t.unsqueeze(1)).sin()
    }
}

#[test]
fn the_signs_are_those_of_the_closed_forms() {
    let field = Swirl { mix: normal(1, &[2, 2]) };
    let (t, x) = (Tensor::from_slice(&[0.1, 0.5, 0.8]), normal(2, &[3, 2]));
    let v = field.value(&t, &x);
    let score = |which| {
        let conversion = Conversion::new(interpolant(which), StandardNormal { dim: 2 }).unwrap();
        conversion.score(Velocity(&field)).value(&t, &x)
    };
    let trigonometric = (&t * FRAC_PI_2).tan().unsqueeze(1) * &v * (2.0 / PI) - &x;
    assert!(largest(&(score(0) - trigonometric)) < 1e-12);
    let left: Tensor = 1.0 - &t;
    let linear = (t.unsqueeze(1) * &v - &x) / left.unsqueeze(1);
    assert!(largest(&(score(1) - linear)) < 1e-12);
}

#[test]
fn times_beyond_the_regular_ones_give_the_stated_limit_or_an_error() {
    for which in 0..KINDS {
        let (conversion, path) = setup(5, 2, which, false);
        let (first, last) = conversion.score_regular_on();
        let score = conversion.score(path.velocity());
        let x = normal(3, &[4, 2]);
        let at = |t: f64| score.value(&Tensor::from_slice(&[t; 4]), &x);
        for beyond in [last, 1.0, 1.5] {
            assert!(largest(&(at(beyond) - at(last))) < 1e-300, "{which} at {beyond}");
            assert_eq!(at(beyond).isfinite().all().int64_value(&[]), 1);
        }
        assert!(conversion.check_score_time(last).is_ok() && conversion.check_score_time(first).is_ok());
        for wrong in [-1e-9, last + 1e-9, f64::NAN, f64::INFINITY] {
            assert!(matches!(conversion.check_score_time(wrong), Err(Error::Time { .. })), "{wrong}");
        }
        let velocity = conversion.velocity(path.score());
        let zero = velocity.value(&Tensor::from_slice(&[0.0; 4]), &x);
        assert_eq!(zero.isfinite().all().int64_value(&[]), 1);
        let means = conversion.posterior_means(&path.velocity(), 1.5, &x);
        assert!(matches!(means, Err(Error::Time { .. })));
    }
}

#[test]
fn the_regular_intervals_are_those_of_the_formulas() {
    let check = |which: usize, score_end: f64, velocity_start: f64| {
        let (score, velocity) =
            (interpolant(which).score_regular_on(), interpolant(which).velocity_regular_on());
        assert!((score.1 - score_end).abs() < 1e-9, "{which}: {score:?}");
        assert!((velocity.0 - velocity_start).abs() < 1e-9, "{which}: {velocity:?}");
    };
    // 1 − t and (π/2) cos(πt/2) are 1/1000 there; t and sin(πt/2) at the other end.
    check(1, 0.999, 1e-3);
    check(0, 1.0 - (2e-3 / PI).asin() / FRAC_PI_2, 1e-3f64.asin() / FRAC_PI_2);
    // The Brownian γ keeps κ above c/2 at the end.
    check(2, 1.0 - 1e-4, 1e-3);
}

#[test]
fn a_path_without_latent_has_no_denoiser() {
    let (conversion, path) = setup(5, 2, 1, true);
    assert!(matches!(conversion.denoiser(path.velocity()), Err(Error::Interpolant { .. })));
}

/// The divergence of a score goes through automatic differentiation: no branch may leak a NaN into it.
#[test]
fn derivatives_of_a_score_are_finite_on_the_closed_interval() {
    for which in 0..KINDS {
        let (conversion, path) = setup(5, 2, which, false);
        let (t, x) = (Tensor::from_slice(&[0.0, 0.25, 0.5, 1.0]), normal(3, &[4, 2]));
        let (_, found) = conversion.score(path.velocity()).value_and_divergence(&t, &x);
        assert_eq!(found.isfinite().all().int64_value(&[]), 1, "{which}: {found:?}");
        let inside = Tensor::from_slice(&[0.25; 4]);
        let (standard, of_standard) = setup(5, 2, which, true);
        let (_, found) = standard.score(of_standard.velocity()).value_and_divergence(&inside, &x);
        let (_, exact) = of_standard.score().value_and_divergence(&inside, &x);
        assert!(largest(&(found - exact)) < 1e-8, "{which}, N(0, I)");
        let (_, found) = conversion.score(path.velocity()).value_and_divergence(&inside, &x);
        let (_, exact) = path.score().value_and_divergence(&inside, &x);
        assert!(largest(&(found - exact)) < 1e-8, "{which}");
    }
}

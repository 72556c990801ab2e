//! Gaussians, mixtures and the exact path between mixtures.

#![allow(clippy::unwrap_used)]

use interflow_core::backward::{self, Graph};
use interflow_core::density::{Density, Gaussian, GaussianMixture, MixturePath, Sampler};
use interflow_core::interpolant::{EncodingDecoding, Gamma, Interpolant, Linear, Trigonometric};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Error, VectorField};
use proptest::prelude::*;
use tch::{Kind, Tensor};

const BATCH: i64 = 5;

fn normal(seed: u64, shape: &[i64]) -> Tensor {
    Stream::new(seed, Purpose::Test).at(0).normal(shape, Kind::Double)
}

fn mixture(seed: u64, k: i64, dim: i64) -> GaussianMixture {
    let a = normal(seed, &[k, dim, dim]) * 0.4;
    let eye = Tensor::eye(dim, (Kind::Double, tch::Device::Cpu));
    let covariances = a.matmul(&a.transpose(1, 2)) + eye * 0.3;
    let weights: Vec<f64> = (1..=k).map(|k| k as f64).collect();
    GaussianMixture::new(&weights, &(normal(seed + 1, &[k, dim]) * 1.5), &covariances).unwrap()
}

fn interpolant(which: usize) -> Interpolant {
    match which {
        0 => Interpolant::trigonometric(),
        1 => Interpolant::linear(),
        2 => Interpolant::new(Linear, Some(Gamma::Brownian { strength: 0.7 })),
        3 => Interpolant::new(Trigonometric, Some(Gamma::Quadratic)),
        _ => Interpolant::new(EncodingDecoding, Some(Gamma::SineSquared)),
    }
}

fn path(seed: u64, which: usize) -> MixturePath {
    MixturePath::new(&mixture(seed, 2, 3), &mixture(seed + 7, 4, 3), interpolant(which)).unwrap()
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// ∂t log ρ + ∇·v + v·s = 0, the continuity equation divided by ρ.
    #[test]
    fn the_velocity_moves_the_density(seed in 0u64..1000, which in 0usize..5, time in 0.05f64..0.45) {
        let path = path(seed, which);
        let x = normal(seed + 20, &[BATCH, 3]);
        // Times on both sides of ½, where the encoding–decoding schedule has its kink.
        let t = Tensor::from_slice(&[time, 1.0 - time, 0.3, 0.9, 0.1]);
        let h = 1e-5;
        let slope = (path.log_density(&(&t + h), &x).unwrap() - path.log_density(&(&t - h), &x).unwrap()) / (2.0 * h);
        let (v, divergence) = path.velocity().value_and_divergence(&t, &x);
        let s = path.score().value(&t, &x);
        let rest = slope + divergence + (v * s).sum_dim_intlist(1i64, false, Kind::Double);
        prop_assert!(largest(&rest) < 1e-5, "{rest:?}: {}", largest(&rest));
    }

    #[test]
    fn the_score_is_the_gradient_of_the_log_density(seed in 0u64..1000, which in 0usize..5) {
        let path = path(seed, which);
        let x = normal(seed + 20, &[BATCH, 3]).set_requires_grad(true);
        let t = Tensor::from_slice(&[0.0, 0.2, 0.5, 0.7, 1.0]);
        let total = path.log_density(&t, &x).unwrap().sum(Kind::Double);
        let gradient = backward::gradient("a test", &total, &x, Graph::Freed).unwrap();
        prop_assert!(largest(&(gradient - path.score().value(&t, &x))) < 1e-9);
    }

    #[test]
    fn the_path_ends_in_its_ends(seed in 0u64..1000, which in 0usize..5) {
        let (rho0, rho1) = (mixture(seed, 2, 3), mixture(seed + 7, 4, 3));
        let path = path(seed, which);
        let x = normal(seed + 20, &[BATCH, 3]);
        let at = |t: f64| path.log_density(&Tensor::full([BATCH], t, (Kind::Double, tch::Device::Cpu)), &x).unwrap();
        prop_assert!(largest(&(at(0.0) - rho0.log_density(&x).unwrap())) < 1e-10);
        prop_assert!(largest(&(at(1.0) - rho1.log_density(&x).unwrap())) < 1e-10);
        let t = Tensor::from_slice(&[0.0, 1.0, 0.0, 1.0, 0.5]);
        prop_assert_eq!(path.velocity().value(&t, &x).isfinite().all().int64_value(&[]), 1);
    }
}

/// Rows that share their time share its matrices; the numbers are those of rows among others.
#[test]
fn a_row_does_not_depend_on_the_times_of_its_neighbours() {
    for which in 0..5 {
        let path = path(3, which);
        let x = normal(4, &[BATCH, 3]);
        let mixed = Tensor::from_slice(&[0.3, 0.3, 0.3, 0.3, 0.8]);
        let shared = Tensor::from_slice(&[0.3; 4]);
        for field in [&path.velocity() as &dyn VectorField, &path.score()] {
            let difference =
                field.value(&mixed, &x).narrow(0, 0, 4) - field.value(&shared, &x.narrow(0, 0, 4));
            assert!(largest(&difference) < 1e-12);
        }
    }
}

#[test]
fn a_mixture_of_one_is_a_gaussian() {
    let one = mixture(3, 1, 3);
    let gaussian = Gaussian::new(&one.means().select(0, 0), &one.covariances().select(0, 0)).unwrap();
    let x = normal(4, &[BATCH, 3]);
    assert!(largest(&(one.log_density(&x).unwrap() - gaussian.log_density(&x).unwrap())) < 1e-12);
}

/// n = 20 000 draws; every moment within 5σ/√n.
#[test]
fn a_gaussian_samples_its_moments() {
    let one = mixture(3, 1, 3);
    let (mean, covariance) = (one.means().select(0, 0), one.covariances().select(0, 0));
    let n = 20_000;
    let gaussian = Gaussian::new(&mean, &covariance).unwrap();
    for law in [&gaussian as &dyn Sampler, &one] {
        let x = law.sample(n, &mut Stream::new(8, Purpose::Test).at(1), Kind::Double);
        let error = x.mean_dim(0i64, false, Kind::Double) - &mean;
        let variance = covariance.diagonal(0, 0, 1);
        assert!(largest(&(error / variance.sqrt())) < 5.0 / (n as f64).sqrt());
        let outer = x.tr().cov(1, None::<Tensor>, None::<Tensor>) - &covariance;
        let bound = 5.0 * 2f64.sqrt() * variance.max().double_value(&[]) / (n as f64).sqrt();
        assert!(largest(&outer) < bound, "{outer:?}");
    }
}

#[test]
fn wrong_laws_are_refused() {
    let mean = Tensor::from_slice(&[0.0, 1.0]);
    let check = |values: [f64; 4]| Gaussian::new(&mean, &Tensor::from_slice(&values).view([2, 2]));
    assert!(check([1.0, 0.5, 0.5, 1.0]).is_ok());
    for wrong in [[1.0, 2.0, 2.0, 1.0], [1.0, 0.5, 0.4, 1.0], [f64::NAN, 0.0, 0.0, 1.0]] {
        assert!(matches!(check(wrong), Err(Error::NotPositiveDefinite { .. })), "{wrong:?}");
    }
    let means = mean.view([1, 2]);
    assert!(matches!(GaussianMixture::spherical(&mean, 1.0), Err(Error::Shape { .. })));
    assert!(matches!(GaussianMixture::spherical(&means, 0.0), Err(Error::NotPositiveDefinite { .. })));
    let eye = Tensor::eye(2, (Kind::Double, tch::Device::Cpu)).view([1, 2, 2]);
    assert!(matches!(GaussianMixture::new(&[0.0], &means, &eye), Err(Error::OutOfRange { .. })));
    assert!(matches!(
        MixturePath::new(&mixture(0, 2, 3), &mixture(0, 2, 2), Interpolant::linear()),
        Err(Error::Shape { .. })
    ));
}

/// Bayes' rule: the posterior's log-density is the prior's plus the likelihood's, up to a constant.
#[test]
fn an_observation_gives_the_posterior() {
    let means = Tensor::from_slice(&[0.5, -1.0, 2.0, -1.5, 1.0, 0.0]).view([2, 3]);
    let factor = Tensor::from_slice(&[1.0, 0.0, 0.0, 0.4, 0.8, 0.0, -0.3, 0.2, 0.6]).view([3, 3]);
    let covariance = factor.matmul(&factor.tr());
    let covariances = Tensor::stack(&[&covariance, &(&covariance * 0.5)], 0);
    let prior = GaussianMixture::new(&[1.0, 2.0], &means, &covariances).unwrap();
    let (value, std) = (0.7, 0.4);
    let posterior = prior.observed(1, value, std).unwrap();
    let x = Stream::new(9, Purpose::Test).at(0).normal(&[20, 3], Kind::Double);
    let likelihood = (x.select(1, 1) - value).square() * (-0.5 / (std * std));
    let constant = posterior.log_density(&x).unwrap() - prior.log_density(&x).unwrap() - likelihood;
    assert!(constant.std(true).double_value(&[]) < 1e-10);
    assert!(prior.observed(3, 0.0, 1.0).is_err() && prior.observed(0, 0.0, 0.0).is_err());
    // Far out all weights but one underflow.
    assert!(prior.observed(0, 1e6, 0.1).is_ok());
}

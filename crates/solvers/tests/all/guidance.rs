//! Inpainting with an exact velocity: the samples have the posterior's moments.

use interflow_core::conversion::Conversion;
use interflow_core::density::{GaussianMixture, MixturePath, Sampler, StandardNormal};
use interflow_core::field::quadratic_form_by_reverse_mode;
use interflow_core::guidance::{Observation, Observed};
use interflow_core::interpolant::{Gamma, Interpolant, Linear};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Error, VectorField, Velocity};
use interflow_solvers::{BrownianPath, DiffusionConfig, DiffusionShape, Scheme, ScoreSource, Sde, SdeConfig};
use tch::{Kind, Tensor};

use crate::fields::points;

/// Three coordinates, the first observed with noise.
const OBSERVED: f64 = 2.5;
const STD: f64 = 0.5;

fn observed() -> Observed {
    Observed(vec![Observation { coordinate: 0, value: OBSERVED, std: STD }])
}

/// The exact path from N(0, I) to spherical components of unit variance, one for each row of means.
#[allow(clippy::unwrap_used)]
fn path(means: &Tensor, interpolant: Interpolant) -> MixturePath {
    let origin = Tensor::zeros([1, 3], (Kind::Double, tch::Device::Cpu));
    let mixture = |means: &Tensor| GaussianMixture::spherical(means, 1.0).unwrap();
    MixturePath::new(&mixture(&origin), &mixture(means), interpolant).unwrap()
}

/// Posterior samples, n = 2000.
#[allow(clippy::unwrap_used)]
fn samples(means: &Tensor, interpolant: fn() -> Interpolant, strength: f64) -> Tensor {
    let conversion = Conversion::new(interpolant(), StandardNormal { dim: 3 }).unwrap();
    let velocity = conversion.guided(path(means, interpolant()).velocity(), observed()).unwrap();
    let diffusion = DiffusionConfig { shape: DiffusionShape::Regular, strength }.build(&conversion).unwrap();
    let sde = Sde { velocity: &velocity, score: ScoreSource::Velocity, diffusion: &diffusion };
    let x0 = Stream::new(4, Purpose::Test).at(0).normal(&[2000, 3], Kind::Double);
    let solver = SdeConfig { scheme: Scheme::Shark, steps: 64, ..SdeConfig::default() }.build().unwrap();
    solver.solve(&sde, &BrownianPath::new(4, 0), &x0, 0.0, 1.0).unwrap().x
}

/// For a target N(n, I) the guidance is exact: the observed coordinate's posterior is the product of two normals,
/// the others keep their law. Moments within 5σ/√n.
#[test]
fn a_gaussian_posterior_is_exact() {
    let n = [0.5, -1.0, 2.0];
    let variance = 1.0 / (1.0 + 1.0 / (STD * STD));
    let mean = variance * (n[0] + OBSERVED / (STD * STD));
    for (interpolant, strength) in
        [(Interpolant::linear as fn() -> Interpolant, 0.0), (Interpolant::trigonometric, 1.0)]
    {
        let x = samples(&points(&n, 3), interpolant, strength);
        for (d, (mean, variance)) in [(mean, variance), (n[1], 1.0), (n[2], 1.0)].into_iter().enumerate() {
            let column = x.select(1, d as i64);
            let error = (column.mean(Kind::Double).double_value(&[]) - mean) / (variance / 2000f64).sqrt();
            assert!(error.abs() < 5.0, "mean of coordinate {d} with ε = {strength}: off by {error}");
            let spread = column.square().mean(Kind::Double).double_value(&[])
                - column.mean(Kind::Double).double_value(&[]).powi(2);
            assert!((spread / variance - 1.0).abs() < 5.0 * (2f64 / 2000.0).sqrt(), "{d}: {spread}");
        }
    }
}

/// Of two far components the observation picks one, and with it the coordinate that was not observed.
#[test]
fn an_observation_picks_its_component() {
    let x = samples(&points(&[2.0, 3.0, 0.0, -2.0, -3.0, 0.0], 3), Interpolant::linear, 0.5);
    let right = x.select(1, 1).gt(0.0).to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
    assert!(right > 0.97, "{right}");
}

/// For a mixture the guidance is an approximation: the exact posterior's means, up to 1.5 away from the prior's, are
/// met to 0.4, and its deviations to 0.2, by the flow and with noise.
#[allow(clippy::unwrap_used)]
#[test]
fn a_mixtures_posterior_is_met_approximately() {
    let means = [1.2, 0.8, 0.0, -0.8, -1.2, 0.4, -0.4, 0.4, -0.4];
    let prior = GaussianMixture::spherical(&points(&means, 3), 1.0).unwrap();
    let draw =
        |law: &GaussianMixture| law.sample(20_000, &mut Stream::new(6, Purpose::Test).at(0), Kind::Double);
    let exact = draw(&prior.observed(0, OBSERVED, STD).unwrap());
    let mean = |x: &Tensor| x.mean_dim(0i64, false, Kind::Double);
    let deviation = |x: &Tensor| x.std_dim(0i64, true, false);
    let largest = |x: Tensor| x.abs().max().double_value(&[]);
    let without = largest(mean(&draw(&prior)) - mean(&exact));
    assert!(without > 1.5, "the observation matters little: {without}");
    for strength in [0.0, 1.0] {
        let found = samples(&points(&means, 3), Interpolant::linear, strength);
        let (mean, deviation) =
            (largest(mean(&found) - mean(&exact)), largest(deviation(&found) - deviation(&exact)));
        assert!(mean < 0.4 && deviation < 0.2, "ε = {strength}: mean {mean}, deviation {deviation}");
    }
}

/// The guided velocity is differentiable like any other.
#[test]
fn derivatives_agree_with_finite_differences() {
    let means = points(&[0.5, -1.0, 2.0, -1.0, 1.0, 0.0], 3);
    let conversion = Conversion::new(Interpolant::linear(), StandardNormal { dim: 3 }).unwrap();
    let guided = conversion.guided(path(&means, Interpolant::linear()).velocity(), observed()).unwrap();
    let (t, x) = (Tensor::from_slice(&[0.0, 0.4, 1.0]), points(&[0.3; 9], 3));
    let u = points(&[1.0, -0.5, 0.2, 0.0, 1.0, 0.0, 0.3, 0.3, 0.3], 3);
    let h = 1e-5;
    let quotient = (guided.value(&t, &(&x + &u * h)) - guided.value(&t, &(&x - &u * h))) / (2.0 * h);
    let expected = (quotient * &u).sum_dim_intlist(1i64, false, None);
    let difference = quadratic_form_by_reverse_mode(&guided, &t, &x, &u).1 - expected;
    assert!(difference.abs().max().double_value(&[]) < 1e-6);
}

#[test]
fn a_path_with_a_latent_is_refused() {
    let latent = || Interpolant::new(Linear, Some(Gamma::Quadratic));
    let conversion = Conversion::new(latent(), StandardNormal { dim: 3 }).unwrap();
    let field = path(&points(&[0.0; 3], 3), latent()).velocity();
    assert!(matches!(conversion.guided(Velocity(field), observed()), Err(Error::Interpolant { .. })));
}

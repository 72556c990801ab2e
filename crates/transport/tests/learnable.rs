//! Learnable interpolants: they start as their base, keep their ends, and their derivatives are right.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use interflow_core::VectorField;
use interflow_core::backward::{self, Graph};
use interflow_core::conversion::Conversion;
use interflow_core::density::{GaussianMixture, MixturePath, StandardNormal};
use interflow_core::interpolant::{GammaConfig, Interpolant, InterpolantConfig, ScheduleKind};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::tch::{Device, Kind, Tensor};
use interflow_train::ObjectiveForm;
use interflow_transport::{LearnablePath, PathFamily, gaussian_path_cost};

const N: i64 = 6;
const DIM: i64 = 2;

fn normal(index: u64, shape: &[i64], kind: Kind) -> Tensor {
    Stream::new(11, Purpose::Test).at(index).normal(shape, kind)
}

fn families() -> [PathFamily; 2] {
    [PathFamily::Fourier { n_modes: 5 }, PathFamily::Network { hidden: vec![7, 5] }]
}

fn base(gamma: Option<GammaConfig>) -> InterpolantConfig {
    InterpolantConfig { kind: ScheduleKind::Trigonometric, gamma }
}

fn path(family: &PathFamily, gamma: Option<GammaConfig>, kind: Kind) -> LearnablePath {
    let draw = &mut Stream::new(5, Purpose::Init).at(0);
    LearnablePath::new(family, &base(gamma), DIM, draw, (kind, Device::Cpu)).unwrap()
}

/// The path with parameters that are all different from zero.
fn moved(family: &PathFamily, gamma: Option<GammaConfig>) -> LearnablePath {
    let mut path = path(family, gamma, Kind::Double);
    let values: Vec<(String, Tensor)> = path
        .parameters()
        .iter()
        .zip(0..)
        .map(|((name, own), index)| (name.to_owned(), normal(50 + index, &own.size(), Kind::Double) * 0.3))
        .collect();
    path.parameters_mut().assign(&values).unwrap();
    path
}

fn ends(kind: Kind) -> (Tensor, Tensor, Tensor) {
    (normal(0, &[N, DIM], kind), normal(1, &[N, DIM], kind), normal(2, &[N, DIM], kind))
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

#[test]
fn without_coefficients_it_is_its_base_bit_for_bit() {
    for kind in [Kind::Float, Kind::Double] {
        let (x0, x1, z) = ends(kind);
        let t = Tensor::from_slice(&[0.0, 0.1, 0.37, 0.5, 0.93, 1.0]).to_kind(kind);
        for gamma in [None, Some(GammaConfig::Quadratic {}), Some(GammaConfig::Brownian { strength: 0.5 })] {
            for family in families() {
                if matches!(gamma, Some(GammaConfig::Brownian { .. })) && kind == Kind::Float {
                    continue;
                }
                let t = if matches!(gamma, Some(GammaConfig::Brownian { .. })) {
                    t.clamp(0.1, 0.9)
                } else {
                    t.copy()
                };
                let own = base(gamma).build().unwrap().path(&t, &x0, &x1, Some(&z)).unwrap();
                let found = path(&family, gamma, kind).interpolant().path(&t, &x0, &x1, Some(&z)).unwrap();
                assert!(found.x.equal(&own.x), "{family:?} {gamma:?}");
                assert!(found.path_derivative.equal(&own.path_derivative), "{family:?} {gamma:?}");
            }
        }
    }
}

#[test]
fn any_parameters_keep_the_ends() {
    let (x0, x1, z) = ends(Kind::Double);
    for family in families() {
        let interpolant = moved(&family, Some(GammaConfig::Quadratic {})).interpolant();
        for (time, end) in [(0.0, &x0), (1.0, &x1)] {
            let t = Tensor::full([N], time, (Kind::Double, Device::Cpu));
            let x = interpolant.path(&t, &x0, &x1, Some(&z)).unwrap().x;
            assert!(largest(&(x - end)) < 1e-14, "{family:?} at {time}");
        }
        let t = Tensor::full([N], 0.4, (Kind::Double, Device::Cpu));
        let own =
            base(Some(GammaConfig::Quadratic {})).build().unwrap().path(&t, &x0, &x1, Some(&z)).unwrap().x;
        assert!(largest(&(interpolant.path(&t, &x0, &x1, Some(&z)).unwrap().x - own)) > 1e-2);
    }
}

#[test]
fn the_path_derivative_is_the_derivative_of_the_path() {
    let (x0, x1, z) = ends(Kind::Double);
    let t = Tensor::from_slice(&[0.02, 0.2, 0.45, 0.55, 0.8, 0.97]);
    let h = 1e-6;
    for family in families() {
        let interpolant = moved(&family, Some(GammaConfig::SineSquared {})).interpolant();
        let at = |t: &Tensor| interpolant.path(t, &x0, &x1, Some(&z)).unwrap();
        let numeric = (at(&(&t + h)).x - at(&(&t - h)).x) / (2.0 * h);
        assert!(largest(&(numeric - at(&t).path_derivative)) < 1e-7, "{family:?}");
    }
}

/// G of a fixed velocity on a fixed batch.
fn objective(path: &LearnablePath, velocity: &dyn VectorField) -> Tensor {
    let (x0, x1, z) = ends(Kind::Double);
    let t = Tensor::from_slice(&[0.05, 0.25, 0.4, 0.6, 0.75, 0.9]);
    let point = path.interpolant().path(&t, &x0, &x1, Some(&z)).unwrap();
    ObjectiveForm::G.loss(&velocity.value(&t, &point.x), &point.path_derivative)
}

#[test]
fn gradients_in_the_parameters_agree_with_finite_differences() {
    let means = Tensor::from_slice(&[1.0, -1.0, -0.5, 2.0]).view([2, 2]);
    let target = GaussianMixture::spherical(&means, 0.6).unwrap();
    let origin = Tensor::zeros([1, DIM], (Kind::Double, Device::Cpu));
    let start = GaussianMixture::spherical(&origin, 1.0).unwrap();
    let exact = MixturePath::new(&start, &target, Interpolant::trigonometric()).unwrap();
    let velocity = exact.velocity();
    for family in families() {
        let mut path = moved(&family, Some(GammaConfig::Quadratic {}));
        let parameters = path.parameters().tensors();
        let gradients =
            backward::gradients("a test", &objective(&path, &velocity), &parameters, Graph::Freed).unwrap();
        let values = path.parameters().detached_copy();
        let h = 1e-5;
        for (which, gradient) in gradients.iter().enumerate() {
            for place in 0..gradient.numel() as i64 {
                let mut shifted = |by: f64| {
                    let values: Vec<_> = values.iter().map(|(name, x)| (name.clone(), x.copy())).collect();
                    let mut entry = values[which].1.view(-1).get(place);
                    let _ = entry.g_add_scalar_(by);
                    path.parameters_mut().assign(&values).unwrap();
                    objective(&path, &velocity).double_value(&[])
                };
                let numeric = (shifted(h) - shifted(-h)) / (2.0 * h);
                let found = gradient.view(-1).double_value(&[place]);
                let name = &values[which].0;
                assert!(
                    (found - numeric).abs() < 1e-7 * (1.0 + numeric.abs()),
                    "{name}[{place}]: {found} {numeric}"
                );
            }
        }
    }
}

/// The least exact cost from N(0, I) to N(mean, diag variances) with `n_modes` coefficients in α and β, by descent with
/// momentum.
fn least_cost(n_modes: i64, mean: &[f64], variances: &[f64]) -> f64 {
    let path = LearnablePath::new(
        &PathFamily::Fourier { n_modes },
        &base(None),
        mean.len() as i64,
        &mut Stream::new(5, Purpose::Init).at(0),
        (Kind::Double, Device::Cpu),
    )
    .unwrap();
    let (mean, variances) = (Tensor::from_slice(mean), Tensor::from_slice(variances));
    let parameters = path.parameters().tensors();
    let mut velocities: Vec<Tensor> = parameters.iter().map(Tensor::zeros_like).collect();
    let interpolant = path.interpolant();
    let rate = 4e-3 / mean.square().sum(Kind::Double).double_value(&[]).max(2.0);
    for _ in 0..1500 {
        let cost = gaussian_path_cost(&interpolant, &mean, &variances).unwrap();
        let gradients = backward::gradients("a test", &cost, &parameters, Graph::Freed).unwrap();
        tch::no_grad(|| {
            for ((x, v), g) in parameters.iter().zip(&mut velocities).zip(gradients) {
                *v = &*v * 0.95 - g * rate;
                let _ = x.shallow_clone().g_add_(v);
            }
        });
    }
    gaussian_path_cost(&interpolant, &mean, &variances).unwrap().double_value(&[])
}

#[test]
fn seven_terms_come_near_the_optimum_between_isotropic_gaussians_only() {
    // W2² = |m|² + Σ (1 − s)². Between isotropic ones α² = (1 − t)² + 2t(1 − t)s and β = t would reach it.
    for (stds, from, to) in [([0.5, 0.5], 1.0, 1.01), ([0.25, 2.0], 1.04, 1.08)] {
        let least: f64 = stds.iter().map(|std| 1.5 * 1.5 + (1.0 - std) * (1.0 - std)).sum();
        let ratio = least_cost(7, &[1.5, 1.5], &stds.map(|std| std * std)) / least;
        assert!((from..to).contains(&ratio), "{ratio} for {stds:?}");
    }
}

#[test]
fn the_papers_costs_in_one_dimension_come_out() {
    let (mean, variance) = (Tensor::from_slice(&[2.0]), Tensor::from_slice(&[1.0]));
    let cost = gaussian_path_cost(&Interpolant::trigonometric(), &mean, &variance).unwrap().double_value(&[]);
    assert!((cost - std::f64::consts::PI.powi(2) / 2.0).abs() < 1e-9, "{cost}");
    for (n_modes, expected) in [(1, 4.1320), (3, 4.0429), (7, 4.0198)] {
        let found = least_cost(n_modes, &[2.0], &[1.0]);
        assert!((found - expected).abs() < 1e-4, "M = {n_modes}: {found}, expected {expected}");
    }
}

#[test]
fn the_exact_cost_is_that_of_the_exact_velocity() {
    // By the mean of |v|² over points of the path, 200 000 of them: within 5 standard errors.
    let family = PathFamily::Fourier { n_modes: 3 };
    let path = moved(&family, Some(GammaConfig::Quadratic {}));
    let mean = Tensor::from_slice(&[1.0, -0.5]);
    let variances = Tensor::from_slice(&[0.25, 2.0]);
    let origin = Tensor::zeros([1, DIM], (Kind::Double, Device::Cpu));
    let start = GaussianMixture::spherical(&origin, 1.0).unwrap();
    let target = GaussianMixture::new(&[1.0], &mean.unsqueeze(0), &variances.diag(0).unsqueeze(0)).unwrap();
    let exact = MixturePath::new(&start, &target, path.interpolant()).unwrap();
    let n = 20_000;
    let points = |index| normal(index, &[n, DIM], Kind::Double);
    let (x0, x1, z) = (points(20), &mean + points(21) * variances.sqrt(), points(22));
    let t = Stream::new(0, Purpose::Time).at(0).uniform(&[n], Kind::Double);
    let x = path.interpolant().path(&t, &x0, &x1, Some(&z)).unwrap().x;
    let squares = exact.velocity().value(&t, &x).square().sum_dim_intlist(1i64, false, Kind::Double);
    let (found, error) = (squares.mean(Kind::Double), squares.std(true) / (n as f64).sqrt());
    let expected = gaussian_path_cost(&path.interpolant(), &mean, &variances).unwrap();
    assert!((found - expected).abs().double_value(&[]) < 5.0 * error.double_value(&[]));
}

#[test]
fn what_rests_on_alpha_and_beta_refuses_a_correction() {
    let corrected = || moved(&families()[1], None).interpolant();
    assert!(Conversion::new(corrected(), StandardNormal { dim: DIM }).is_err());
    assert!(Conversion::new(moved(&families()[0], None).interpolant(), StandardNormal { dim: DIM }).is_ok());
    let (mean, variance) = (Tensor::from_slice(&[2.0]), Tensor::from_slice(&[1.0]));
    assert!(gaussian_path_cost(&corrected(), &mean, &variance).is_err());
    assert!(PathFamily::Fourier { n_modes: 0 }.check().is_err());
    assert!(PathFamily::Network { hidden: vec![] }.check().is_err());
}

//! Flows against a path whose velocity and density have closed forms.

use interflow_core::density::{Density, GaussianMixture, MixturePath};
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_solvers::{Divergence, Method, Solver, SolverConfig, log_density};
use tch::{Device, Kind, Tensor};

use crate::fields::{distance, points};

fn normal(index: u64, shape: &[i64]) -> Tensor {
    Stream::new(2, Purpose::Test).at(index).normal(shape, Kind::Double)
}

/// `k` components with means and full covariances of their own, in `dim` dimensions.
#[allow(clippy::unwrap_used)]
fn mixture(index: u64, k: i64, dim: i64) -> GaussianMixture {
    let a = normal(index, &[k, dim, dim]) * 0.4;
    let eye = Tensor::eye(dim, (Kind::Double, Device::Cpu));
    let covariances = a.matmul(&a.transpose(1, 2)) + eye * 0.3;
    let weights: Vec<f64> = (1..=k).map(|k| k as f64).collect();
    GaussianMixture::new(&weights, &(normal(index + 1, &[k, dim]) * 1.5), &covariances).unwrap()
}

#[allow(clippy::unwrap_used)]
fn solver(method: Method, tolerance: f64) -> Solver {
    SolverConfig { method, rtol: tolerance, atol: tolerance, ..SolverConfig::default() }.build().unwrap()
}

/// The largest error of `log ρ_t` at `x` over the times.
#[allow(clippy::unwrap_used)]
fn error(path: &MixturePath, rho0: &GaussianMixture, solver: &Solver, x: &Tensor, times: &[f64]) -> f64 {
    let errors = times.iter().map(|t| {
        let found = log_density(solver, &path.velocity(), rho0, &Divergence::Exact, x, *t).unwrap();
        distance(&found.log_density, &path.log_density(&x.select(1, 0).full_like(*t), x).unwrap())
    });
    errors.fold(0.0, f64::max)
}

/// Fails where the flow's density is not the path's, or the way there and back not the identity.
#[allow(clippy::unwrap_used)]
fn check(interpolant: Interpolant, dim: i64) {
    let (rho0, rho1) = (mixture(0, 2, dim), mixture(10, 3, dim));
    let path = MixturePath::new(&rho0, &rho1, interpolant).unwrap();
    let (velocity, solver) = (path.velocity(), solver(Method::Dopri5, 1e-10));
    let x = normal(20, &[6, dim]) * 1.5;
    let off = error(&path, &rho0, &solver, &x, &[0.1, 0.5, 0.9, 1.0]);
    assert!(off < 1e-8, "log-density in {dim} dimensions: {off}");
    let there = solver.solve_with_divergence(&velocity, &Divergence::Exact, &x, 0.0, 1.0).unwrap();
    let carried = rho0.log_density(&x).unwrap() - there.divergence_integral.unwrap();
    let off_there = distance(&carried, &rho1.log_density(&there.x).unwrap());
    assert!(off_there < 1e-8, "log-density carried to the target in {dim} dimensions: {off_there}");
    let back = solver.solve(&velocity, &there.x, 1.0, 0.0).unwrap().x;
    let off_back = distance(&back, &x);
    assert!(off_back < 1e-8, "there and back in {dim} dimensions: {off_back}");
}

#[test]
fn the_trigonometric_flow_of_a_mixture_path_has_its_density_and_returns() {
    check(Interpolant::trigonometric(), 2);
    check(Interpolant::trigonometric(), 5);
}

#[test]
fn the_linear_flow_of_a_mixture_path_has_its_density_and_returns() {
    check(Interpolant::linear(), 2);
    check(Interpolant::linear(), 5);
}

#[test]
fn another_method_finds_the_density_too() {
    let rho0 = GaussianMixture::spherical(&points(&[0.0, 0.0], 2), 1.0).unwrap();
    let rho1 = GaussianMixture::spherical(&points(&[2.0, 0.0, -2.0, 1.0], 2), 0.6).unwrap();
    let path = MixturePath::new(&rho0, &rho1, Interpolant::trigonometric()).unwrap();
    let x = points(&[1.8, 0.3, -1.5, 0.9, 0.1, 0.4, 3.0, -1.0], 2);
    let off = error(&path, &rho0, &solver(Method::Tsit5, 1e-9), &x, &[0.3, 1.0]);
    assert!(off < 1e-7, "{off}");
}

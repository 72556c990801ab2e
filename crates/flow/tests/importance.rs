//! Samples with their log-densities from one solve, under the exact velocity of a mixture path: all have closed forms.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use interflow_core::density::{Density, GaussianMixture, MixturePath};
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::Stream;
use interflow_metrics::Importance;
use interflow_solvers::{Divergence, Solver, SolverConfig, log_density, push_log_density};
use tch::{Device, Kind, Tensor};

const N: i64 = 500;

fn normal(index: u64, shape: &[i64]) -> Tensor {
    Stream::named(3, "importance of a mixture").at(index).normal(shape, Kind::Double)
}

/// Three components with means and full covariances of their own.
fn mixture(dim: i64) -> GaussianMixture {
    let a = normal(0, &[3, dim, dim]) * 0.4;
    let covariances = a.matmul(&a.transpose(1, 2)) + Tensor::eye(dim, (Kind::Double, Device::Cpu)) * 0.3;
    GaussianMixture::new(&[1.0, 2.0, 3.0], &(normal(1, &[3, dim]) * 1.5), &covariances).unwrap()
}

/// What the program solves by where a config says nothing.
fn solver() -> Solver {
    SolverConfig::default().build().unwrap()
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

#[test]
fn samples_of_an_exact_flow_weigh_alike() {
    let (linear, trigonometric) = (Interpolant::linear, Interpolant::trigonometric);
    for (dim, interpolant) in [(2, linear()), (2, trigonometric()), (8, linear())] {
        let base = GaussianMixture::spherical(&Tensor::zeros([1, dim], (Kind::Double, Device::Cpu)), 1.0);
        let (base, target) = (base.unwrap(), mixture(dim));
        let path = MixturePath::new(&base, &target, interpolant).unwrap();
        let (velocity, x0) = (path.velocity(), normal(2, &[N, dim]));
        let pushed = push_log_density(&solver(), &velocity, &base, &Divergence::Exact, &x0, 1.0).unwrap();

        // Closed form: the flow's law is the target, whose weights are all alike.
        let exact = target.log_density(&pushed.x).unwrap();
        let found = Importance::of(&(exact.shallow_clone() + 5.0), &pushed.log_density).unwrap();
        assert!(found.effective_size >= 0.99 * N as f64, "{dim}: {}", found.effective_size);
        let evidence = found.log_evidence;
        assert!((evidence.mean - 5.0).abs() < 4.0 * evidence.standard_error + 1e-4, "{dim}: {evidence:?}");

        // One solve, which costs what that with the divergence alone does, and says what the way back says.
        let alone =
            solver().solve_with_divergence(&velocity, &Divergence::Exact, &x0, 0.0, 1.0).unwrap().statistics;
        assert!(pushed.statistics.nfe as f64 <= 1.05 * alone.nfe as f64);
        let back = log_density(&solver(), &velocity, &base, &Divergence::Exact, &pushed.x, 1.0).unwrap();
        let (off, off_exact) =
            (largest(&(&pushed.log_density - back.log_density)), largest(&(&pushed.log_density - exact)));
        assert!(off < 3e-3 && off_exact < 3e-3, "{dim}: {off} {off_exact}");
    }
}

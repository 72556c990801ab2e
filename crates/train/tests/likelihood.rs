//! Maximum likelihood through the solver learns a density, by either gradient, and needs the base's.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod support;

use std::sync::Arc;

use interflow_core::density::{Gaussian, StandardNormal};
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::{Fresh, Source};
use interflow_core::tch::{Device, Kind, Tensor};
use interflow_models::UNetConfig;
use interflow_solvers::{Method, Sensitivity, SolverConfig};
use interflow_train::{Error, MaximumLikelihood, OptimizerConfig, Problem, Silent, TrainConfig, Trainer};
use support::{Mlp, normals, short, train_with};

/// From N(0, I) to a correlated Gaussian with the entropy `log(2πe) + ½ log det C`.
fn problem() -> (Problem, f64) {
    let mean = Tensor::from_slice(&[1.0, -0.5]);
    let covariance = Tensor::from_slice(&[0.6, 0.3, 0.3, 0.4]).view([2, 2]);
    let entropy = (std::f64::consts::TAU * std::f64::consts::E).ln() + 0.5 * (0.24f64 - 0.09).ln();
    let gaussian = Gaussian::new(&mean, &covariance).unwrap();
    let target = || -> Box<dyn Source> { Box::new(Fresh(gaussian.clone())) };
    let problem = Problem {
        base_density: Some(Arc::new(StandardNormal { dim: 2 })),
        target: target(),
        held_out_target: target(),
        ..normals(Interpolant::linear(), 2)
    };
    (problem, entropy)
}

fn objective(sensitivity: Sensitivity) -> MaximumLikelihood {
    let solver = SolverConfig { method: Method::Rk4, steps: Some(3), ..SolverConfig::default() };
    MaximumLikelihood::new(sensitivity, &solver).unwrap()
}

fn config() -> TrainConfig {
    TrainConfig {
        batch: 64,
        optimizer: OptimizerConfig { learning_rate: 1e-2, ..OptimizerConfig::default() },
        validate_every: 0,
        ema_decay: None,
        ..short(80)
    }
}

#[test]
fn both_gradients_learn_a_gaussian() {
    for sensitivity in [Sensitivity::Direct, Sensitivity::Adjoint] {
        let (problem, entropy) = problem();
        let mut trainer =
            train_with(objective(sensitivity), config(), problem, Mlp::new(2, 16, 1), 4).unwrap();
        let before = trainer.self_check(2000).unwrap();
        trainer.run(&mut Silent).unwrap();
        let after = trainer.self_check(2000).unwrap();
        assert!(after.balance().is_none());
        assert!(before.objective().mean > entropy + 0.3, "{before:?}");
        let excess = after.objective().mean - entropy;
        assert!((-0.1..0.1).contains(&excess), "{after:?} for {sensitivity:?}, entropy {entropy}");
        assert_eq!(after, trainer.self_check(2000).unwrap());
    }
}

#[test]
fn a_base_without_a_density_is_refused() {
    let (problem, _) = problem();
    let problem = Problem { base_density: None, ..problem };
    let refused = train_with(objective(Sensitivity::Adjoint), config(), problem, Mlp::new(2, 4, 1), 4);
    let error = refused.unwrap_err();
    assert!(matches!(error, Error::Objective { objective: "likelihood", .. }), "{error}");
    assert!(error.to_string().contains("a base that is known by its samples alone"), "{error}");
}

/// The fused attention of a U-Net has no second derivative, which the gradient of a likelihood needs.
#[test]
fn a_network_without_second_derivatives_is_an_error() {
    let model =
        UNetConfig { head_channels: 4, n_groups: 2, n_blocks: 1, ..UNetConfig::new([2, 1, 1], 4, vec![1]) };
    for sensitivity in [Sensitivity::Direct, Sensitivity::Adjoint] {
        let draw = &mut Stream::new(1, Purpose::Init).at(0);
        let network = Box::new(model.init(2, draw, (Kind::Float, Device::Cpu)).unwrap());
        let objective = Box::new(objective(sensitivity));
        let mut trainer = Trainer::new(config(), problem().0, network, objective, 4).unwrap();
        let refused = trainer.run(&mut Silent).unwrap_err();
        assert!(matches!(refused, Error::Solver(_)), "{refused}");
    }
}

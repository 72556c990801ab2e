//! A denoiser beside the velocity: both objectives reach their minima, and nothing else will do.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod support;

use std::f64::consts::PI;

use interflow_core::Given;
use interflow_core::interpolant::{Gamma, Interpolant, Linear};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::tch::{Kind, Tensor};
use interflow_models::VelocityAndDenoiser;
use interflow_train::{OptimizerConfig, ScheduleConfig, Silent, TrainConfig, Trainer, VelocityWithDenoiser};
use support::{Mlp, normals, saved, short, train_with};

fn pair(width: i64) -> VelocityAndDenoiser {
    VelocityAndDenoiser::new(Box::new(Mlp::new(2, width, 2)), Box::new(Mlp::new(2, width, 2)))
}

fn brownian() -> Interpolant {
    Interpolant::new(Linear, Some(Gamma::Brownian { strength: 1.0 }))
}

fn trainer(config: TrainConfig, width: i64, seed: u64) -> Trainer {
    train_with(VelocityWithDenoiser::default(), config, normals(brownian(), 2), pair(width), seed).unwrap()
}

/// Between standard normals `x_t` ~ N(0, σ² I) with σ² = 1 − t + t² under γ² = t(1 − t), so that η = γ x/σ² and
/// v = (2t − 1)/(2σ²) x. With D = 2 the minima are −2 ∫γ²/σ² dt = −2 (2π/(3√3) − 1) and −2 (1 − π/(2√3)).
#[test]
fn both_objectives_reach_their_minima() {
    let optimizer = OptimizerConfig { learning_rate: 5e-3, ..OptimizerConfig::default() };
    let schedule = ScheduleConfig::Cosine {};
    let config = TrainConfig { ema_decay: Some(0.99), batch: 256, optimizer, schedule, ..short(1500) };
    let mut trainer = trainer(config, 32, 1);
    trainer.run(&mut Silent).unwrap();
    let check = trainer.self_check(20_000).unwrap();
    let denoiser = *check.term(VelocityAndDenoiser::DENOISER).unwrap();
    assert_eq!(check.terms.len(), 2);
    let root = 3f64.sqrt();
    let minima = [-2.0 * (1.0 - PI / (2.0 * root)), -2.0 * (2.0 * PI / (3.0 * root) - 1.0)];
    for (found, minimum) in [check.objective(), denoiser.objective].into_iter().zip(minima) {
        let excess = found.mean - minimum;
        assert!(excess.abs() < 4.0 * found.standard_error + 0.06, "excess {excess}, {check:?}");
    }
    for gap in [check.balance().unwrap().gap, denoiser.balance.unwrap().gap] {
        assert!(gap.mean.abs() < 4.0 * gap.standard_error + 0.03, "{check:?}");
    }
    let total = check.objective().mean + denoiser.objective.mean;
    assert!((check.trained_objective() - total).abs() < 1e-12);
    let x = Stream::new(2, Purpose::Test).at(0).normal(&[500, 2], Kind::Float);
    for time in [0.2, 0.5, 0.8] {
        let t = Tensor::full([500], time, (Kind::Float, x.device()));
        let (gamma, variance) = ((time * (1.0f64 - time)).sqrt(), 1.0 - time + time * time);
        let x = &x * variance.sqrt();
        let found =
            trainer.ema_network().part(VelocityAndDenoiser::DENOISER).unwrap().value(&t, &x, &Given::Nothing);
        let error = (found - &x * (gamma / variance)).square().mean(Kind::Double).double_value(&[]).sqrt();
        assert!(error < 0.12, "the denoiser at {time} is off by {error}");
    }
}

#[test]
fn a_resumed_pair_is_the_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let trainer = |steps| trainer(short(steps), 8, 5);
    let mut whole = trainer(30);
    whole.run(&mut Silent).unwrap();
    let mut half = trainer(17);
    half.run(&mut Silent).unwrap();
    let path = folder.path().join("half");
    let mut resumed = trainer(30);
    resumed.restore(&saved(&path, &half.state())).unwrap();
    resumed.run(&mut Silent).unwrap();
    for network in [Trainer::network, Trainer::ema_network] {
        let pairs = network(&whole).parameters().iter().zip(network(&resumed).parameters().iter());
        for ((name, a), (_, b)) in pairs {
            assert!(a.equal(b), "{name} differs");
        }
    }
}

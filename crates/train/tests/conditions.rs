//! Conditions rest: their velocity is exactly 0 before and after training, so no solver moves them.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod support;

use interflow_core::Network;
use interflow_core::interpolant::{Gamma, Interpolant, Trigonometric};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::tch::{Device, Kind};
use interflow_models::{MlpConfig, ModelConfig, UNetConfig};
use interflow_train::{Silent, TrainConfig, Trainer};
use support::{normals, short};

const DIM: i64 = 5;

fn check(interpolant: Interpolant, model: &ModelConfig) {
    check_of(interpolant, model, 2, DIM);
}

fn check_of(interpolant: Interpolant, model: &ModelConfig, n_given: i64, dim: i64) {
    let options = (Kind::Float, Device::Cpu);
    let draw = &mut Stream::new(1, Purpose::Init).at(0);
    let network = model.init(dim, draw, options).unwrap();
    let problem = normals(interpolant.holding(n_given), dim);
    let config = TrainConfig { batch: 64, ..short(40) };
    let mut trainer = Trainer::new(config, problem, network, 1).unwrap();
    trainer.run(&mut Silent).unwrap();
    let networks: [&dyn Network; 2] = [trainer.network(), trainer.ema_network()];
    for network in networks {
        let stream = Stream::new(2, Purpose::Test);
        let (t, x) = (stream.at(0).uniform(&[50], Kind::Float), stream.at(1).normal(&[50, dim], Kind::Float));
        let velocity = network.value(&t, &x);
        assert_eq!(velocity.narrow(1, 0, n_given).count_nonzero(None::<i64>).int64_value(&[]), 0);
        assert!(velocity.narrow(1, n_given, dim - n_given).abs().max().double_value(&[]) > 1e-3);
    }
}

#[test]
fn every_network_leaves_conditions_where_they_are() {
    let residual = "{\"kind\": \"residual-mlp\", \"width\": 16, \"n_blocks\": 2}";
    let residual: ModelConfig = serde_json::from_str(residual).unwrap();
    check(Interpolant::trigonometric(), &ModelConfig::Mlp(MlpConfig::new(vec![16, 16])));
    check(Interpolant::trigonometric(), &residual);
    let latent = Interpolant::new(Trigonometric, Some(Gamma::Brownian { strength: 0.5 }));
    check(latent, &residual);
    let images = UNetConfig {
        n_classes: 3,
        head_channels: 4,
        n_groups: 2,
        n_blocks: 1,
        ..UNetConfig::new([1, 4, 2], 4, vec![1, 2])
    };
    check_of(Interpolant::linear(), &ModelConfig::UNet(images), 1, 9);
}

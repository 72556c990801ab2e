//! Perceptrons and points for tests.

use interflow_core::interpolant::ScheduleKind;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{GivenSpace, Network, Space};
use interflow_models::{
    Activation, Ends, MlpConfig, ModelConfig, ResidualMlpConfig, StateFeatures, TimeEmbedding,
};
use tch::{Device, Kind, Tensor};

pub(crate) const DIM: i64 = 3;
pub(crate) const BATCH: i64 = 7;
pub(crate) fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

/// A network that is given nothing, whose weights, the output's included, are all different from zero.
pub(crate) fn network(config: &ModelConfig, kind: Kind) -> Box<dyn Network> {
    network_given(config, GivenSpace::Nothing {}, kind)
}

/// A network whose weights, the output's included, are all different from zero.
pub(crate) fn network_given(config: &ModelConfig, given: GivenSpace, kind: Kind) -> Box<dyn Network> {
    let mut draw = Stream::new(3, Purpose::Init).at(0);
    let mut network = config.init(Space { dim: DIM, given }, &mut draw, (kind, Device::Cpu)).unwrap();
    let weights: Vec<(String, Tensor)> = network
        .parameters()
        .iter()
        .map(|(name, weight)| (name.to_owned(), draw.normal(&weight.size(), kind) * 0.4))
        .collect();
    network.parameters_mut().assign(&weights).unwrap();
    network
}

pub(crate) fn features(n_octaves: i64, ends: Ends) -> StateFeatures {
    StateFeatures { ends, ..StateFeatures::octaves(n_octaves) }
}

pub(crate) fn mlp(hidden: &[i64]) -> ModelConfig {
    ModelConfig::Mlp(MlpConfig::new(hidden.to_vec()))
}

pub(crate) fn residual(width: i64, n_blocks: i64) -> ResidualMlpConfig {
    let time_embedding =
        TimeEmbedding::Fourier { n_frequencies: 2, n_log_frequencies: 3, schedule: ScheduleKind::default() };
    let (activation, state_features) = (Activation::Silu, None);
    let flow_map = None;
    ResidualMlpConfig { width, n_blocks, activation, time_embedding, state_features, dropout: 0.0, flow_map }
}

pub(crate) fn points(kind: Kind) -> (Tensor, Tensor, Tensor) {
    let mut draw = Stream::new(4, Purpose::Test).at(0);
    (draw.uniform(&[BATCH], kind), draw.normal(&[BATCH, DIM], kind), draw.normal(&[BATCH, DIM], kind))
}

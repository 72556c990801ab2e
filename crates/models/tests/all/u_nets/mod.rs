//! U-Nets for tests.

use interflow_core::rng::{Purpose, Stream};
use interflow_core::{GivenSpace, Network, Space};
use interflow_models::{ModelConfig, TimeEmbedding, UNetConfig};
use tch::{Device, Kind, Tensor};

pub(crate) fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

/// Two levels, attention on the second, 8 channels at least.
pub(crate) fn tiny(shape: [i64; 3]) -> UNetConfig {
    UNetConfig {
        n_blocks: 1,
        head_channels: 4,
        n_groups: 2,
        attention: vec![shape[1] / 2],
        time_embedding: TimeEmbedding::Sinusoidal { n_frequencies: 3 },
        ..UNetConfig::new(shape, 8, vec![1, 2])
    }
}

/// A class of `n_classes` for each image, or nothing for 0.
pub(crate) fn classes(n_classes: i64) -> GivenSpace {
    if n_classes == 0 { GivenSpace::Nothing {} } else { GivenSpace::Class { n_classes } }
}

pub(crate) fn fresh(config: &UNetConfig, n_classes: i64, kind: Kind) -> Box<dyn Network> {
    let mut draw = Stream::new(3, Purpose::Init).at(0);
    let space = Space { dim: config.dim(), given: classes(n_classes) };
    ModelConfig::UNet(config.clone()).init(space, &mut draw, (kind, Device::Cpu)).unwrap()
}

/// A network whose weights are all different from zero.
pub(crate) fn network(config: &UNetConfig, n_classes: i64, kind: Kind) -> Box<dyn Network> {
    let mut draw = Stream::new(4, Purpose::Init).at(0);
    let mut network = fresh(config, n_classes, kind);
    let weights: Vec<(String, Tensor)> = network
        .parameters()
        .iter()
        .map(|(name, weight)| (name.to_owned(), weight + draw.normal(&weight.size(), kind) * 0.1))
        .collect();
    network.parameters_mut().assign(&weights).unwrap();
    network
}

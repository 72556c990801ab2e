//! The perceptrons' contract as networks: weights, kinds, what is dropped and what is refused.

use interflow_core::backward::{self, Graph};
use interflow_core::interpolant::{ScheduleKind, Trigonometric};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Given, GivenSpace, Network, Space};
use interflow_models::{Ends, MlpConfig, ModelConfig, ResidualMlpConfig, TimeEmbedding, UNetConfig};
use tch::{Device, Kind, Tensor};

use crate::perceptrons::{BATCH, DIM, features, largest_difference, mlp, network, points, residual};

#[test]
fn single_precision_works_on_its_own_kind() {
    let network = network(&mlp(&[8, 9]), Kind::Float);
    let (t, x, _) = points(Kind::Float);
    let (value, divergence) = network.value_and_divergence(&t, &x, &Given::Nothing);
    assert_eq!((value.kind(), value.size()), (Kind::Float, vec![BATCH, DIM]));
    assert_eq!((divergence.kind(), divergence.size()), (Kind::Float, vec![BATCH]));
}

#[test]
fn a_duplicate_has_its_own_weights_under_the_same_names() {
    for config in [mlp(&[4, 5]), ModelConfig::ResidualMlp(residual(4, 2))] {
        let original = network(&config, Kind::Double);
        let mut copy = original.duplicate().unwrap();
        let (t, x, _) = points(Kind::Double);
        assert!(
            largest_difference(
                &original.value(&t, &x, &Given::Nothing),
                &copy.value(&t, &x, &Given::Nothing)
            ) < 1e-15
        );
        let zeros: Vec<(String, Tensor)> = original
            .parameters()
            .iter()
            .map(|(name, weight)| (name.to_owned(), weight.zeros_like()))
            .collect();
        copy.parameters_mut().assign(&zeros).unwrap();
        assert!(copy.value(&t, &x, &Given::Nothing).abs().max().double_value(&[]) < 1e-15);
        assert!(original.value(&t, &x, &Given::Nothing).abs().max().double_value(&[]) > 1e-3);
    }
}

#[test]
fn weights_are_counted_without_making_them() {
    let waves = MlpConfig { state_features: Some(features(2, Ends::Both)), ..MlpConfig::new(vec![4, 5]) };
    let residual = ModelConfig::ResidualMlp(residual(4, 3));
    for config in [mlp(&[4, 5, 6]), ModelConfig::Mlp(waves), residual] {
        for given in
            [GivenSpace::Nothing {}, GivenSpace::Numbers { n: 2 }, GivenSpace::Class { n_classes: 3 }]
        {
            let made =
                crate::perceptrons::network_given(&config, given, Kind::Float).parameters().n_scalars();
            let counted = config.n_scalars(Space { dim: DIM, given }).unwrap();
            assert_eq!(counted as i64, made, "{config:?} given {given:?}");
        }
    }
}

#[test]
fn networks_that_no_machine_holds_are_refused_before_they_are_made() {
    let refused = |config: &ModelConfig, part: &str| {
        let mut draw = Stream::new(3, Purpose::Init).at(0);
        let error = config.init(DIM, &mut draw, (Kind::Float, Device::Cpu)).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    refused(&mlp(&[1 << 20; 300]), "a network of 3.3e14 weights needs 1.3");
    refused(&mlp(&[i64::MAX]), "at most 2²⁰");
    let u_net = UNetConfig { n_groups: 1, ..UNetConfig::new([3, 4, 4], 1 << 18, vec![1, 4]) };
    refused(&ModelConfig::UNet(u_net), "weights needs");
    refused(&ModelConfig::ResidualMlp(residual(8, i64::MAX)), "n_blocks must be from 1 to 1024");
}

#[test]
fn hidden_matrices_are_weights_of_the_network() {
    let count = |config: &ModelConfig| {
        let network = network(config, Kind::Float);
        let matrices = network.hidden_matrices();
        for name in &matrices {
            let (_, weight) = network.parameters().iter().find(|(other, _)| other == name).unwrap();
            assert_eq!(weight.dim(), 2, "{name}");
        }
        matrices.len()
    };
    assert_eq!(count(&mlp(&[4, 5, 6])), 2);
    assert_eq!(count(&ModelConfig::ResidualMlp(residual(4, 3))), 6);
}

#[test]
fn a_fresh_residual_network_is_zero_and_learns_everywhere() {
    let mut draw = Stream::new(3, Purpose::Init).at(0);
    let config = ResidualMlpConfig { state_features: Some(features(2, Ends::Target)), ..residual(6, 2) };
    let network = config.init(DIM, &mut draw, (Kind::Double, Device::Cpu)).unwrap();
    let (t, x, _) = points(Kind::Double);
    let value = network.value(&t, &x, &Given::Nothing);
    assert!(value.abs().max().double_value(&[]) < 1e-15);
    let weights = network.parameters().tensors();
    let output = &weights[weights.len() - 2];
    let loss = (value - 1.0).square().sum(None);
    let gradient = backward::gradient("a test", &loss, output, Graph::Freed).unwrap();
    assert!(gradient.abs().min().double_value(&[]) > 1e-6);
}

#[test]
fn the_logarithmic_clock_tells_late_times_apart() {
    let features = |n_log_frequencies: i64| {
        let t = Tensor::from_slice(&[0.999, 0.9999]);
        TimeEmbedding::Fourier { n_frequencies: 1, n_log_frequencies, schedule: ScheduleKind::Trigonometric }
            .embed(&t, &Trigonometric)
    };
    let apart = |features: &Tensor| largest_difference(&features.get(0), &features.get(1));
    assert_eq!(features(2).size(), [2, 8]);
    assert!(apart(&features(0)) < 5e-3);
    assert!(apart(&features(2)) > 0.3);
}

#[test]
fn the_same_draw_gives_the_same_weights_under_stable_names() {
    let init = || {
        let mut draw = Stream::new(9, Purpose::Init).at(0);
        MlpConfig::new(vec![4, 5]).init(DIM, &mut draw, (Kind::Float, Device::Cpu)).unwrap()
    };
    let (a, b) = (init(), init());
    let names: Vec<&str> = a.parameters().iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "hidden.0.weight",
            "hidden.0.bias",
            "hidden.1.weight",
            "hidden.1.bias",
            "output.weight",
            "output.bias"
        ]
    );
    for ((_, a), (_, b)) in a.parameters().iter().zip(b.parameters().iter()) {
        assert_eq!(a, b);
    }
}

#[test]
fn a_residual_perceptron_drops_inner_numbers_in_training_only() {
    let config = ResidualMlpConfig { dropout: 0.3, ..residual(64, 1) };
    let mut draw = Stream::new(0, Purpose::Init).at(0);
    let network = config.init(DIM, &mut draw, (Kind::Double, Device::Cpu)).unwrap();
    tch::no_grad(|| {
        for (name, weight) in network.parameters().iter() {
            if name.starts_with("block.0.second") || name.starts_with("output") {
                let _ = weight.detach().fill_(0.1);
            }
        }
    });
    let (t, x, _) = points(Kind::Double);
    let trained = |index| {
        let draw = &mut Stream::new(9, Purpose::Dropout).at(index);
        network.value_in_training(&t, &x, &Given::Nothing, draw)
    };
    assert!(trained(1).equal(&trained(1)));
    let used = network.value(&t, &x, &Given::Nothing);
    let difference = |index| (trained(index) - &used).abs().max().double_value(&[]);
    assert!(difference(1) > 1e-3 && difference(2) > 1e-3);
    let refused = ResidualMlpConfig { dropout: 1.0, ..residual(4, 1) };
    let message = refused.init(DIM, &mut draw, (Kind::Double, Device::Cpu)).unwrap_err().to_string();
    assert!(message.contains("dropout"), "{message}");
}

#[test]
fn senseless_sizes_are_refused_by_name() {
    let check = |config: MlpConfig, part: &str| {
        let mut draw = Stream::new(0, Purpose::Init).at(0);
        let message = config.init(DIM, &mut draw, (Kind::Float, Device::Cpu)).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    };
    check(MlpConfig::new(vec![]), "hidden");
    check(MlpConfig::new(vec![8, 0]), "hidden");
    check(
        MlpConfig { time_embedding: TimeEmbedding::fourier(0), ..MlpConfig::new(vec![8]) },
        "n_frequencies",
    );
    let mut draw = Stream::new(0, Purpose::Init).at(0);
    let message = residual(0, 1).init(DIM, &mut draw, (Kind::Float, Device::Cpu)).unwrap_err().to_string();
    assert!(message.contains("width"), "{message}");
    check(
        MlpConfig { state_features: Some(features(40, Ends::Target)), ..MlpConfig::new(vec![8]) },
        "n_octaves",
    );
    let given =
        [(GivenSpace::Numbers { n: 0 }, "found: 0"), (GivenSpace::Class { n_classes: -1 }, "found: -1")];
    for (given, part) in given {
        let space = Space { dim: DIM, given };
        let message = mlp(&[8]).init(space, &mut draw, (Kind::Float, Device::Cpu)).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
}

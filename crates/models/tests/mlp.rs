//! The perceptron's own derivatives against reverse mode, and its contract as a network.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use interflow_core::field::{divergence_by_reverse_mode, jvp_by_reverse_mode};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Network, VectorField};
use interflow_models::{Activation, MlpConfig, StateFeatures, TimeEmbedding};
use tch::{Device, Kind, Tensor};

const DIM: i64 = 3;
const BATCH: i64 = 7;

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

/// A network whose weights, the output's included, are all different from zero.
fn network(config: &MlpConfig, kind: Kind) -> Box<dyn Network> {
    let mut draw = Stream::new(3, Purpose::Init).at(0);
    let mut mlp = config.init(DIM, &mut draw, (kind, Device::Cpu)).unwrap();
    let weights: Vec<(String, Tensor)> = mlp
        .parameters()
        .iter()
        .map(|(name, weight)| (name.to_owned(), draw.normal(&weight.size(), kind) * 0.4))
        .collect();
    mlp.parameters_mut().assign(&weights).unwrap();
    Box::new(mlp)
}

fn points(kind: Kind) -> (Tensor, Tensor, Tensor) {
    let mut draw = Stream::new(4, Purpose::Test).at(0);
    (draw.uniform(&[BATCH], kind), draw.normal(&[BATCH, DIM], kind), draw.normal(&[BATCH, DIM], kind))
}

fn configs() -> Vec<MlpConfig> {
    let mut configs = Vec::new();
    for activation in Activation::ALL {
        for state_features in [None, Some(StateFeatures { n_octaves: 3 })] {
            for hidden in [vec![5], vec![5, 6, 4]] {
                configs.push(MlpConfig { activation, state_features, ..MlpConfig::new(hidden) });
            }
        }
    }
    configs.push(MlpConfig { time_embedding: TimeEmbedding::Identity {}, ..MlpConfig::new(vec![5, 6]) });
    configs
}

#[test]
fn tangents_agree_with_reverse_mode() {
    let (t, x, u) = points(Kind::Double);
    for config in configs() {
        let network = network(&config, Kind::Double);
        let (value, divergence) = network.value_and_divergence(&t, &x);
        let (expected_value, expected) = divergence_by_reverse_mode(&network, &t, &x);
        assert!(expected.abs().max().double_value(&[]) > 1e-3, "a trivial case: {config:?}");
        assert!(largest_difference(&value, &expected_value) < 1e-10, "{config:?}");
        assert!(largest_difference(&divergence, &expected) < 1e-10, "{config:?}");
        let (_, jvp) = network.value_and_jvp(&t, &x, &u);
        let (_, expected) = jvp_by_reverse_mode(&network, &t, &x, &u);
        assert!(largest_difference(&jvp, &expected) < 1e-10, "{config:?}");
    }
}

#[test]
fn chunks_of_a_large_batch_fit_together() {
    let config = MlpConfig::new(vec![300, 1000]);
    let network = network(&config, Kind::Double);
    let mut draw = Stream::new(5, Purpose::Test).at(0);
    let (t, x) = (draw.uniform(&[400], Kind::Double), draw.normal(&[400, DIM], Kind::Double));
    let (_, whole) = network.value_and_divergence(&t, &x);
    let (_, part) = network.value_and_divergence(&t.narrow(0, 390, 10), &x.narrow(0, 390, 10));
    assert_eq!(whole.size(), [400]);
    assert!(
        largest_difference(&whole.narrow(0, 390, 10), &part) < 1e-9 * whole.abs().max().double_value(&[])
    );
}

#[test]
fn single_precision_works_on_its_own_kind() {
    let network = network(&MlpConfig::new(vec![8, 9]), Kind::Float);
    let (t, x, _) = points(Kind::Float);
    let (value, divergence) = network.value_and_divergence(&t, &x);
    assert_eq!((value.kind(), value.size()), (Kind::Float, vec![BATCH, DIM]));
    assert_eq!((divergence.kind(), divergence.size()), (Kind::Float, vec![BATCH]));
}

#[test]
fn a_duplicate_has_its_own_weights() {
    let original = network(&MlpConfig::new(vec![4, 5]), Kind::Double);
    let mut copy = original.duplicate().unwrap();
    let (t, x, _) = points(Kind::Double);
    assert!(largest_difference(&original.value(&t, &x), &copy.value(&t, &x)) < 1e-15);
    let zeros: Vec<(String, Tensor)> =
        copy.parameters().iter().map(|(name, weight)| (name.to_owned(), weight.zeros_like())).collect();
    copy.parameters_mut().assign(&zeros).unwrap();
    assert!(copy.value(&t, &x).abs().max().double_value(&[]) < 1e-15);
    assert!(original.value(&t, &x).abs().max().double_value(&[]) > 1e-3);
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
fn senseless_sizes_are_refused_by_name() {
    let check = |config: MlpConfig, part: &str| {
        let mut draw = Stream::new(0, Purpose::Init).at(0);
        let message = config.init(DIM, &mut draw, (Kind::Float, Device::Cpu)).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    };
    check(MlpConfig::new(vec![]), "hidden");
    check(MlpConfig::new(vec![8, 0]), "hidden");
    check(
        MlpConfig { time_embedding: TimeEmbedding::Fourier { n_frequencies: 0 }, ..MlpConfig::new(vec![8]) },
        "n_frequencies",
    );
    check(
        MlpConfig { state_features: Some(StateFeatures { n_octaves: 40 }), ..MlpConfig::new(vec![8]) },
        "n_octaves",
    );
}

//! The perceptrons' own derivatives against reverse mode, and their contract as networks.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use interflow_core::field::{divergence_by_reverse_mode, quadratic_form_by_reverse_mode};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Given, GivenSpace, Network, Space, VectorField};
use interflow_models::{
    Activation, Ends, MlpConfig, ModelConfig, ResidualMlpConfig, StateFeatures, TimeEmbedding,
};
use tch::{Device, Kind, Tensor};

const DIM: i64 = 3;
const BATCH: i64 = 7;
/// What points may be given beside the state.
const GIVEN: [GivenSpace; 3] =
    [GivenSpace::Nothing {}, GivenSpace::Numbers { n: 2 }, GivenSpace::Class { n_classes: 4 }];

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

/// A network that is given nothing, whose weights, the output's included, are all different from zero.
fn network(config: &ModelConfig, kind: Kind) -> Box<dyn Network> {
    network_given(config, GivenSpace::Nothing {}, kind)
}

/// A network whose weights, the output's included, are all different from zero.
fn network_given(config: &ModelConfig, given: GivenSpace, kind: Kind) -> Box<dyn Network> {
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

fn features(n_octaves: i64, ends: Ends) -> StateFeatures {
    StateFeatures { n_octaves, ends }
}

fn mlp(hidden: &[i64]) -> ModelConfig {
    ModelConfig::Mlp(MlpConfig::new(hidden.to_vec()))
}

fn residual(width: i64, n_blocks: i64) -> ResidualMlpConfig {
    let time_embedding = TimeEmbedding::Fourier { n_frequencies: 2, n_log_frequencies: 3 };
    let (activation, state_features) = (Activation::Silu, None);
    ResidualMlpConfig { width, n_blocks, activation, time_embedding, state_features, dropout: 0.0 }
}

/// One perceptron of each kind, with waves of the state.
fn perceptrons() -> [ModelConfig; 2] {
    let state_features = Some(features(2, Ends::Target));
    let mlp = MlpConfig { state_features, ..MlpConfig::new(vec![5, 6]) };
    let residual = ResidualMlpConfig { state_features, ..residual(5, 2) };
    [ModelConfig::Mlp(mlp), ModelConfig::ResidualMlp(residual)]
}

fn points(kind: Kind) -> (Tensor, Tensor, Tensor) {
    let mut draw = Stream::new(4, Purpose::Test).at(0);
    (draw.uniform(&[BATCH], kind), draw.normal(&[BATCH, DIM], kind), draw.normal(&[BATCH, DIM], kind))
}

/// Conditions for `n` points: other numbers for each row, or the classes in turn, with no class among them.
fn given(space: GivenSpace, n: i64) -> Given {
    match space {
        GivenSpace::Numbers { n: k } => {
            Given::Numbers(Stream::new(6, Purpose::Test).at(0).normal(&[n, k], Kind::Double))
        }
        GivenSpace::Class { n_classes } => {
            Given::Class(Tensor::arange(n, (Kind::Int64, Device::Cpu)).remainder(n_classes + 1))
        }
        _ => Given::Nothing,
    }
}

fn configs() -> Vec<ModelConfig> {
    let mut configs = Vec::new();
    for activation in Activation::ALL {
        for state_features in [None, Some(features(3, Ends::Target)), Some(features(2, Ends::Both))] {
            for hidden in [vec![5], vec![5, 6, 4]] {
                let config = MlpConfig { activation, state_features, ..MlpConfig::new(hidden) };
                configs.push(ModelConfig::Mlp(config));
            }
            for n_blocks in [1, 3] {
                let config = ResidualMlpConfig { activation, state_features, ..residual(5, n_blocks) };
                configs.push(ModelConfig::ResidualMlp(config));
            }
        }
    }
    let centred = MlpConfig { time_embedding: TimeEmbedding::Centred {}, ..MlpConfig::new(vec![5, 6]) };
    configs.push(ModelConfig::Mlp(centred));
    configs
}

#[test]
fn tangents_agree_with_reverse_mode() {
    let (t, x, u) = points(Kind::Double);
    for (config, space) in configs().iter().flat_map(|config| GIVEN.map(|space| (config, space))) {
        let network = network_given(config, space, Kind::Double);
        let field = network.at(&given(space, BATCH));
        let (value, divergence) = field.value_and_divergence(&t, &x);
        let (expected_value, expected) = divergence_by_reverse_mode(&field, &t, &x);
        assert!(expected.abs().max().double_value(&[]) > 1e-3, "a trivial case: {config:?}, {space:?}");
        assert!(largest_difference(&value, &expected_value) < 1e-10, "{config:?}, {space:?}");
        assert!(largest_difference(&divergence, &expected) < 1e-10, "{config:?}, {space:?}");
        let (_, form) = field.value_and_quadratic_form(&t, &x, &u);
        let (_, expected) = quadratic_form_by_reverse_mode(&field, &t, &x, &u);
        assert!(largest_difference(&form, &expected) < 1e-10, "{config:?}, {space:?}");
    }
}

#[test]
fn chunks_of_a_large_batch_fit_together() {
    for space in GIVEN {
        let network = network_given(&mlp(&[300, 1000]), space, Kind::Double);
        let mut draw = Stream::new(5, Purpose::Test).at(0);
        let (t, x) = (draw.uniform(&[400], Kind::Double), draw.normal(&[400, DIM], Kind::Double));
        let given = given(space, 400);
        let (_, whole) = network.value_and_divergence(&t, &x, &given);
        assert_eq!(whole.size(), [400]);
        let scale = whole.abs().max().double_value(&[]);
        // Chunks are of 174 rows: a part of the second one, and of the last.
        for first in [180, 390] {
            let (t, x) = (t.narrow(0, first, 10), x.narrow(0, first, 10));
            let (_, part) = network.value_and_divergence(&t, &x, &given.narrow(first, 10));
            assert!(largest_difference(&whole.narrow(0, first, 10), &part) < 1e-9 * scale, "{space:?}");
        }
    }
}

#[test]
fn a_row_depends_on_its_own_condition_only() {
    let (t, x, _) = points(Kind::Double);
    for config in perceptrons() {
        for space in [GIVEN[1], GIVEN[2]] {
            let network = network_given(&config, space, Kind::Double);
            let given = given(space, BATCH);
            let whole = network.value(&t, &x, &given);
            for row in 0..BATCH {
                let alone = network.value(&t.narrow(0, row, 1), &x.narrow(0, row, 1), &given.narrow(row, 1));
                assert!(
                    largest_difference(&whole.narrow(0, row, 1), &alone) < 1e-12,
                    "{config:?}, {space:?}"
                );
            }
            // Row 0 with the condition of row 1 is another value, so that conditions matter at all.
            let exchanged =
                network.value(&t, &x, &given.select(&Tensor::from_slice(&[1i64, 0, 2, 3, 4, 5, 6])));
            let moved = (whole - exchanged).abs().amax([1i64].as_slice(), false);
            assert!(moved.narrow(0, 0, 2).min().double_value(&[]) > 1e-3, "{config:?}, {space:?}");
            assert!(moved.narrow(0, 2, BATCH - 2).max().double_value(&[]) < 1e-12, "{config:?}, {space:?}");
        }
    }
}

#[test]
fn a_field_for_some_rows_keeps_their_conditions() {
    let (t, x, u) = points(Kind::Double);
    let rows = Tensor::from_slice(&[5i64, 0, 3]);
    let pick = |all: &Tensor| all.index_select(0, &rows);
    for config in perceptrons() {
        for space in [GIVEN[1], GIVEN[2]] {
            let network = network_given(&config, space, Kind::Double);
            let field = network.at(&given(space, BATCH));
            let part = field.for_rows(&rows).unwrap();
            let (value, divergence) = part.value_and_divergence(&pick(&t), &pick(&x));
            let (_, form) = part.value_and_quadratic_form(&pick(&t), &pick(&x), &pick(&u));
            let (whole_value, whole_divergence) = field.value_and_divergence(&t, &x);
            let (_, whole_form) = field.value_and_quadratic_form(&t, &x, &u);
            assert!(largest_difference(&value, &pick(&whole_value)) < 1e-12, "{config:?}, {space:?}");
            assert!(
                largest_difference(&divergence, &pick(&whole_divergence)) < 1e-12,
                "{config:?}, {space:?}"
            );
            assert!(largest_difference(&form, &pick(&whole_form)) < 1e-12, "{config:?}, {space:?}");
        }
        assert!(network(&config, Kind::Double).at(&Given::Nothing).for_rows(&rows).is_none());
    }
}

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
    let output = network.parameters().tensors().len() - 2;
    let loss = (value - 1.0).square().sum(None);
    let gradient = Tensor::run_backward(&[loss], &[&network.parameters().tensors()[output]], false, false);
    assert!(gradient[0].abs().min().double_value(&[]) > 1e-6);
}

#[test]
fn the_logarithmic_clock_tells_late_times_apart() {
    let features = |n_log_frequencies: i64| {
        let t = Tensor::from_slice(&[0.999, 0.9999]);
        TimeEmbedding::Fourier { n_frequencies: 1, n_log_frequencies }.embed(&t)
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
        MlpConfig {
            time_embedding: TimeEmbedding::Fourier { n_frequencies: 0, n_log_frequencies: 0 },
            ..MlpConfig::new(vec![8])
        },
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
        let message = mlp(&[8]).init(space, &mut draw, (Kind::Float, Device::Cpu)).err().unwrap().to_string();
        assert!(message.contains(part), "{message}");
    }
}

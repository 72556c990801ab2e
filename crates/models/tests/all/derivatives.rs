//! The perceptrons' own derivatives against reverse mode, and conditions that stay with their rows.

use interflow_core::field::{divergence_by_reverse_mode, quadratic_form_by_reverse_mode};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Given, GivenSpace, VectorField};
use interflow_models::{Activation, Ends, MlpConfig, ModelConfig, ResidualMlpConfig, TimeEmbedding};
use tch::{Device, Kind, Tensor};

use crate::perceptrons::{
    BATCH, DIM, features, largest_difference, mlp, network, network_given, points, residual,
};

/// What points may be given beside the state.
const GIVEN: [GivenSpace; 3] =
    [GivenSpace::Nothing {}, GivenSpace::Numbers { n: 2 }, GivenSpace::Class { n_classes: 4 }];

/// One perceptron of each kind, with waves of the state.
fn perceptrons() -> [ModelConfig; 2] {
    let state_features = Some(features(2, Ends::Target));
    let mlp = MlpConfig { state_features, ..MlpConfig::new(vec![5, 6]) };
    let residual = ResidualMlpConfig { state_features, ..residual(5, 2) };
    [ModelConfig::Mlp(mlp), ModelConfig::ResidualMlp(residual)]
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

/// Layers of one unit and batches of one row, where a copy of the weights' columns could be the weights themselves.
#[test]
fn derivatives_leave_the_weights_alone() {
    let config = MlpConfig::new(vec![1]);
    for (config, name) in [
        (ModelConfig::Mlp(config), "one unit"),
        (ModelConfig::Mlp(MlpConfig::new(vec![3, 1])), "one unit at last"),
        (ModelConfig::ResidualMlp(residual(1, 1)), "one unit throughout"),
    ] {
        let network = network(&config, Kind::Double);
        let before = network.parameters().detached_copy();
        let (t, x, u) = points(Kind::Double);
        let one = |x: &Tensor| x.narrow(0, 0, 1);
        let (t, x, u) = (one(&t), one(&x), one(&u));
        let field = network.at(&Given::Nothing);
        let first = field.value_and_divergence(&t, &x);
        let _ = field.value_and_quadratic_form(&t, &x, &u);
        let again = field.value_and_divergence(&t, &x);
        assert!(first.0.equal(&again.0) && first.1.equal(&again.1), "{name}");
        assert_eq!(network.parameters().detached_copy(), before, "{name}");
    }
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

//! Two networks as one: names, shared leaves, copies of their own.

use interflow_core::backward::{self, Graph};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Given, Network};
use interflow_models::{MlpConfig, VelocityAndDenoiser};
use tch::{Device, Kind, Tensor};

fn normal(index: u64, shape: &[i64]) -> Tensor {
    Stream::new(8, Purpose::Test).at(index).normal(shape, Kind::Double)
}

/// A velocity of 5 and 4 hidden units and a denoiser of 3, with weights that are all different from zero.
fn pair() -> VelocityAndDenoiser {
    let mut draw = Stream::new(3, Purpose::Init).at(0);
    let mut network = |hidden: &[i64]| -> Box<dyn Network> {
        Box::new(MlpConfig::new(hidden.to_vec()).init(2, &mut draw, (Kind::Double, Device::Cpu)).unwrap())
    };
    let mut pair = VelocityAndDenoiser::new(network(&[5, 4]), network(&[3]));
    let weights: Vec<(String, Tensor)> = pair
        .parameters()
        .iter()
        .enumerate()
        .map(|(index, (name, weight))| (name.to_owned(), normal(index as u64, &weight.size())))
        .collect();
    pair.parameters_mut().assign(&weights).unwrap();
    pair
}

fn at() -> (Tensor, Tensor) {
    (Tensor::from_slice(&[0.1, 0.4, 0.9]), normal(100, &[3, 2]))
}

#[test]
fn the_weights_of_both_have_names_of_their_own() {
    let pair = pair();
    let names: Vec<&str> = pair.parameters().iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 10);
    assert_eq!((names[0], names[6]), ("velocity.hidden.0.weight", "denoiser.hidden.0.weight"));
    assert_eq!(pair.hidden_matrices(), ["velocity.hidden.1.weight"]);
    assert!(pair.part("another").is_none());
    assert!(pair.hidden_matrices().iter().all(|name| names.contains(&name.as_str())));
}

/// Gradients of either field arrive at the common parameters, and only at its own.
#[test]
fn either_field_moves_its_own_weights() {
    let pair = pair();
    let (t, x) = at();
    let parameters = pair.parameters().tensors();
    let fields: [(&dyn Network, _); 3] =
        [(&pair, 0..6), (pair.part("velocity").unwrap(), 0..6), (pair.part("denoiser").unwrap(), 6..10)];
    for (field, own) in fields {
        let total = field.value(&t, &x, &Given::Nothing).square().sum(Kind::Double);
        let gradients = backward::gradients("a test", &total, &parameters, Graph::Freed).unwrap();
        for (index, gradient) in gradients.iter().enumerate() {
            let moved = gradient.abs().max().double_value(&[]) > 0.0;
            assert_eq!(moved, own.contains(&index), "parameter {index}");
        }
    }
}

#[test]
fn a_copy_has_the_same_fields_and_its_own_numbers() {
    let mut pair = pair();
    let (t, x) = at();
    let copy = pair.duplicate().unwrap();
    let values = |network: &dyn Network| {
        let denoiser = network.part("denoiser").unwrap();
        [network, denoiser].map(|field| field.value(&t, &x, &Given::Nothing).detach())
    };
    let before = values(&pair);
    assert_eq!(before.each_ref().map(Tensor::size), [[3, 2], [3, 2]]);
    assert!((&before[0] - &before[1]).abs().max().double_value(&[]) > 1e-3);
    let zeros: Vec<(String, Tensor)> =
        pair.parameters().iter().map(|(name, weight)| (name.to_owned(), weight.zeros_like())).collect();
    pair.parameters_mut().assign(&zeros).unwrap();
    for (field, (after, copied)) in values(&pair).iter().zip(values(&*copy)).enumerate() {
        assert!(after.abs().max().double_value(&[]) < 1e-300, "field {field} has other weights");
        assert!(copied.equal(&before[field]), "field {field} of the copy moved");
    }
}

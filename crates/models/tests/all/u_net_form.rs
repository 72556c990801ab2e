//! The U-Net's form: its weights by name, shape and number, and what is refused.

use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Given, GivenSpace, Space};
use interflow_models::{ModelConfig, UNetConfig};
use tch::{Device, Kind, Tensor};

use crate::u_nets::{classes, fresh, largest_difference, network, tiny};

#[test]
fn weights_are_taken_over_by_name_and_shape_only() {
    let config = tiny([1, 4, 4]);
    let mut network = network(&config, 0, Kind::Float);
    let mut weights = network.parameters().detached_copy();
    let mut names: Vec<&String> = weights.iter().map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), weights.len());
    let last = weights.pop().unwrap();
    assert!(network.parameters_mut().assign(&weights).unwrap_err().to_string().contains("missing"));
    weights.push(("other".to_owned(), last.1));
    assert!(network.parameters_mut().assign(&weights).unwrap_err().to_string().contains("other"));
}

/// The U-Net of Tong et al. 2024 for CIFAR-10, whose size is published.
#[test]
fn a_published_network_has_its_published_size() {
    let config = UNetConfig {
        attention: vec![16],
        n_groups: 32,
        dropout: 0.1,
        ..UNetConfig::new([3, 32, 32], 128, vec![1, 2, 2, 2])
    };
    let space = Space { dim: config.dim(), given: classes(0) };
    assert_eq!(config.n_scalars(space).unwrap() as i64, 35_746_307);
    let tiny = tiny([3, 8, 8]);
    for n_classes in [0, 5] {
        let made = fresh(&tiny, n_classes, Kind::Float).parameters().n_scalars();
        let space = Space { dim: tiny.dim(), given: classes(n_classes) };
        assert_eq!(tiny.n_scalars(space).unwrap() as i64, made);
    }
}

#[test]
fn sizes_that_do_not_fit_are_refused_by_name() {
    let check = |config: UNetConfig, parts: [&str; 2]| {
        let message = config.check().unwrap_err().to_string();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    };
    let good = || tiny([3, 8, 8]);
    good().check().unwrap();
    check(UNetConfig { shape: [3, 8, 7], ..good() }, ["shape", "[3, 8, 7] with 2"]);
    check(UNetConfig { patch: 3, ..good() }, ["shape", "with 6"]);
    check(UNetConfig { multipliers: vec![], ..good() }, ["multipliers", "[]"]);
    check(UNetConfig { multipliers: vec![1, 0], ..good() }, ["multipliers", "0"]);
    check(UNetConfig { attention: vec![3], ..good() }, ["attention", "[8, 4]"]);
    check(UNetConfig { linear_attention: vec![4], ..good() }, ["linear_attention", "[4] with [4]"]);
    check(UNetConfig { head_channels: 5, ..good() }, ["head_channels", "5"]);
    check(UNetConfig { n_groups: 3, ..good() }, ["n_groups", "3"]);
    check(UNetConfig { dropout: 1.0, ..good() }, ["dropout", "1"]);
}

#[test]
fn points_that_are_no_such_images_are_refused_by_name() {
    let check = |dim: i64, given: GivenSpace, part: &str| {
        let draw = &mut Stream::new(1, Purpose::Init).at(0);
        let config = ModelConfig::UNet(tiny([3, 8, 8]));
        let refused = config.init(Space { dim, given }, draw, (Kind::Float, Device::Cpu));
        let message = refused.unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    };
    check(193, classes(10), "192 numbers, for states of 193");
    check(192, GivenSpace::Class { n_classes: -1 }, "n_classes must be positive, found: -1");
    check(192, GivenSpace::Numbers { n: 2 }, "a u-net can be given a class or nothing only");
}

/// `sin(1.3 i + phase)` for the i-th number.
fn waves(shape: &[i64], phase: f64) -> Tensor {
    let i = Tensor::arange(shape.iter().product::<i64>(), (Kind::Double, Device::Cpu));
    (i * 1.3 + phase).sin().reshape(shape)
}

/// PyTorch's own modules, put together in Python, give the same velocity (`golden/pytorch_u_net.py`).
#[test]
fn the_velocity_is_that_of_the_same_net_in_pytorch() {
    let config = UNetConfig {
        patch: 2,
        attention: vec![3],
        linear_attention: vec![6],
        n_groups: 4,
        ..tiny([3, 12, 8])
    };
    let mut network = fresh(&config, 0, Kind::Double);
    let mut shapes: Vec<(String, Vec<i64>)> =
        network.parameters().iter().map(|(name, weight)| (name.to_owned(), weight.size())).collect();
    shapes.sort();
    let weights: Vec<(String, Tensor)> = (0..)
        .zip(shapes)
        .map(|(phase, (name, shape))| {
            let fan_in = shape[1..].iter().product::<i64>() as f64;
            let centre = if name.ends_with("norm.weight") { 1.0 } else { 0.0 };
            let weight = waves(&shape, f64::from(phase)) / fan_in.sqrt() + centre;
            (name, weight)
        })
        .collect();
    network.parameters_mut().assign(&weights).unwrap();
    let t = Tensor::from_slice(&[0.2, 0.7]);
    let expected = Tensor::read_npy("tests/all/golden/pytorch_u_net.npy").unwrap();
    let found = network.value(&t, &waves(&[2, 288], 0.5), &Given::Nothing);
    assert_eq!(found.size(), expected.size());
    assert!(largest_difference(&found, &expected) < 1e-10);
}

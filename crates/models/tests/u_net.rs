//! The U-Net: shapes, dependence on its arguments, derivatives, weights.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use interflow_core::rng::{Draw, Purpose, Stream};
use interflow_core::{Given, GivenSpace, Network, Space};
use interflow_models::{ModelConfig, TimeEmbedding, UNetConfig};
use tch::{Device, Kind, Tensor};

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

/// Two levels, attention on the second, 8 channels at least.
fn tiny(shape: [i64; 3]) -> UNetConfig {
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
fn classes(n_classes: i64) -> GivenSpace {
    if n_classes == 0 { GivenSpace::Nothing {} } else { GivenSpace::Class { n_classes } }
}

fn fresh(config: &UNetConfig, n_classes: i64, kind: Kind) -> Box<dyn Network> {
    let mut draw = Stream::new(3, Purpose::Init).at(0);
    let space = Space { dim: config.dim(), given: classes(n_classes) };
    ModelConfig::UNet(config.clone()).init(space, &mut draw, (kind, Device::Cpu)).unwrap()
}

/// A network whose weights are all different from zero.
fn network(config: &UNetConfig, n_classes: i64, kind: Kind) -> Box<dyn Network> {
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

/// Times, images and what they are given: the classes 0, 1, 2, … and none, where there are any.
fn points(network: &dyn Network, batch: i64) -> (Tensor, Tensor, Given) {
    let Space { dim, given } = network.space();
    let kind = network.parameters().kind();
    let mut draw = Stream::new(5, Purpose::Test).at(0);
    let image = draw.normal(&[batch, dim], kind);
    let t = draw.uniform(&[batch], kind);
    let given = match given {
        GivenSpace::Class { n_classes } => {
            Given::Class(Tensor::arange(batch, (Kind::Int64, Device::Cpu)).remainder(n_classes + 1))
        }
        _ => Given::Nothing,
    };
    (t, image, given)
}

#[test]
fn states_of_any_divisible_size_come_back_as_rows() {
    for shape in [[1, 4, 6], [3, 6, 4], [2, 10, 2]] {
        for patch in [1, 2] {
            let mut config = UNetConfig { patch, ..tiny([shape[0], shape[1] * patch, shape[2] * patch]) };
            config.attention = vec![shape[1]];
            config.linear_attention = vec![shape[1] / 2];
            let network = network(&config, 0, Kind::Float);
            let (t, x, given) = points(&*network, 3);
            let value = network.value(&t, &x, &given);
            assert_eq!((value.size(), value.kind()), (x.size(), Kind::Float), "{config:?}");
            assert!(value.std(false).double_value(&[]) > 1e-3);
        }
    }
}

#[test]
fn a_fresh_network_is_zero_and_learns() {
    let config = tiny([2, 4, 8]);
    let network = fresh(&config, 0, Kind::Double);
    let (t, x, given) = points(&*network, 3);
    let value = network.value(&t, &x, &given);
    assert!(value.abs().max().double_value(&[]) < 1e-15);
    let (_, output) = network.parameters().iter().find(|(name, _)| *name == "output.weight").unwrap();
    let loss = (value - 1.0).square().sum(None);
    let gradient = Tensor::run_backward(&[loss], &[output], false, false).swap_remove(0);
    assert!(gradient.abs().min().double_value(&[]) > 1e-6);
}

#[test]
fn time_and_class_matter() {
    let config = UNetConfig { n_learned_frequencies: 2, ..tiny([1, 4, 4]) };
    let network = network(&config, 2, Kind::Double);
    let (_, x, _) = points(&*network, 1);
    let at = |t: f64, class: i64| network.value(&Tensor::from_slice(&[t]), &x, &Given::class(class, 1));
    let reference = at(0.3, 0);
    assert_eq!(reference.size(), [1, 16], "the class is no coordinate");
    for other in [at(0.31, 0), at(0.3, 1), at(0.3, 2)] {
        assert!(largest_difference(&reference, &other) > 1e-3);
    }
    assert!(largest_difference(&at(0.3, 1), &at(0.3, 2)) > 1e-3);
    assert!(largest_difference(&reference, &at(0.3, 0)) < 1e-15);
}

#[test]
fn a_row_depends_on_its_own_row_only() {
    let config = UNetConfig { patch: 2, ..tiny([3, 8, 4]) };
    let config = UNetConfig { attention: vec![4], linear_attention: vec![2], ..config };
    let network = network(&config, 3, Kind::Double);
    let (t, x, given) = points(&*network, 5);
    let whole = network.value(&t, &x, &given);
    for row in 0..5 {
        let alone = network.value(&t.narrow(0, row, 1), &x.narrow(0, row, 1), &given.narrow(row, 1));
        assert!(largest_difference(&alone, &whole.narrow(0, row, 1)) < 1e-12);
    }
}

/// Central differences in a few directions of the state and of every weight.
#[test]
fn gradients_are_those_of_finite_differences() {
    let config = UNetConfig {
        n_learned_frequencies: 1,
        attention: vec![2],
        linear_attention: vec![4],
        ..tiny([1, 4, 4])
    };
    let network = network(&config, 1, Kind::Double);
    let (t, x, given) = points(&*network, 2);
    let mut draw = Stream::new(6, Purpose::Test).at(0);
    let weights = draw.normal(&x.size(), Kind::Double);
    let loss = |x: &Tensor| (network.value(&t, x, &given) * &weights).sum(None);
    let x = x.set_requires_grad(true);
    let mut inputs = network.parameters().tensors();
    inputs.push(x.shallow_clone());
    let gradients = Tensor::run_backward(&[loss(&x)], &inputs, false, false);
    let step = 1e-5;
    for (input, gradient) in inputs.iter().zip(&gradients) {
        let direction = draw.normal(&input.size(), Kind::Double);
        let moved = |by: f64| {
            tch::no_grad(|| {
                let mut input = input.detach();
                let original = input.copy();
                input.copy_(&(&original + &direction * by));
                let loss = loss(&x).double_value(&[]);
                input.copy_(&original);
                loss
            })
        };
        let expected = (moved(step) - moved(-step)) / (2.0 * step);
        let found = (gradient * &direction).sum(None).double_value(&[]);
        assert!((found - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{expected} {found}");
        assert!(expected.abs() > 1e-9, "a weight of size {:?} does not matter", input.size());
    }
}

#[test]
fn a_duplicate_has_its_own_weights_under_the_same_names() {
    let original = network(&tiny([1, 4, 4]), 2, Kind::Double);
    let mut copy = original.duplicate().unwrap();
    let names = |network: &dyn Network| -> Vec<String> {
        network.parameters().iter().map(|(name, _)| name.to_owned()).collect()
    };
    assert_eq!(names(&*original), names(&*copy));
    let (t, x, given) = points(&*original, 3);
    let value = |network: &dyn Network| network.value(&t, &x, &given);
    assert!(largest_difference(&value(&*original), &value(&*copy)) < 1e-15);
    let zeros: Vec<(String, Tensor)> =
        original.parameters().iter().map(|(name, weight)| (name.to_owned(), weight.zeros_like())).collect();
    copy.parameters_mut().assign(&zeros).unwrap();
    assert!(value(&*copy).abs().max().double_value(&[]) < 1e-15);
    assert!(value(&*original).abs().max().double_value(&[]) > 1e-3);
}

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
    assert_eq!(config.n_scalars(classes(0)).unwrap(), 35_746_307);
    let tiny = tiny([3, 8, 8]);
    for n_classes in [0, 5] {
        let made = fresh(&tiny, n_classes, Kind::Float).parameters().n_scalars();
        assert_eq!(tiny.n_scalars(classes(n_classes)).unwrap(), made);
    }
}

/// Hutchinson's estimate has the exact divergence for its mean, and costs no derivative of second order.
#[test]
fn the_exact_divergence_is_the_mean_of_many_estimates() {
    const N_PROBES: i64 = 400;
    let network = network(&tiny([1, 4, 4]), 2, Kind::Double);
    let (t, x, given) = points(&*network, 2);
    let (value, exact) = network.value_and_divergence(&t, &x, &given);
    assert!(largest_difference(&value, &network.value(&t, &x, &given)) < 1e-12);
    for row in 0..2 {
        let repeated = |x: &Tensor| x.narrow(0, row, 1).repeat_interleave_self_int(N_PROBES, 0, N_PROBES);
        let probes = Stream::new(8, Purpose::Probe).sign_rows(0, N_PROBES, x.size()[1], Kind::Double);
        let (_, estimates) =
            network.value_and_quadratic_form(&repeated(&t), &repeated(&x), &given.map(repeated), &probes);
        let error = estimates.std(true).double_value(&[]) / (N_PROBES as f64).sqrt();
        let bias = estimates.mean(None).double_value(&[]) - exact.double_value(&[row]);
        assert!(error > 1e-3 && bias.abs() < 4.0 * error, "{bias} with error {error}");
    }
}

#[test]
fn training_drops_numbers_as_its_draw_says_and_use_drops_none() {
    let config = UNetConfig { dropout: 0.5, ..tiny([2, 4, 4]) };
    let network = network(&config, 0, Kind::Double);
    let (t, x, given) = points(&*network, 3);
    let draw = || Stream::new(9, Purpose::Dropout).at(4);
    let trained = |draw: &mut Draw| network.value_in_training(&t, &x, &given, draw);
    let used = network.value(&t, &x, &given);
    assert!(used.equal(&network.value(&t, &x, &given)));
    let first = trained(&mut draw());
    assert!(first.equal(&trained(&mut draw())));
    let mut draw = draw();
    assert!(largest_difference(&trained(&mut draw), &trained(&mut draw)) > 1e-3);
    assert!(largest_difference(&used, &first) > 1e-3);
}

#[test]
fn it_learns_a_batch_by_heart() {
    let network = fresh(&tiny([1, 4, 4]), 2, Kind::Float);
    let (t, x, given) = points(&*network, 4);
    let target = Stream::new(7, Purpose::Test).at(0).normal(&[4, 16], Kind::Float);
    let weights = network.parameters().tensors();
    let moments: Vec<[Tensor; 2]> =
        weights.iter().map(|weight| [weight.detach().zeros_like(), weight.detach().zeros_like()]).collect();
    let mut last = f64::INFINITY;
    for step in 1..=150 {
        let loss = (network.value(&t, &x, &given) - &target).square().mean(None);
        last = loss.double_value(&[]);
        let gradients = Tensor::run_backward(&[loss], &weights, false, false);
        tch::no_grad(|| {
            for ((weight, gradient), [mean, square]) in weights.iter().zip(&gradients).zip(&moments) {
                let _ = mean.shallow_clone().lerp_(gradient, 0.1);
                let _ = square.shallow_clone().lerp_(&gradient.square(), 0.01);
                let bias = [1.0 - 0.9f64.powi(step), 1.0 - 0.99f64.powi(step)];
                let change = (mean / bias[0]) / ((square / bias[1]).sqrt() + 1e-8) * -3e-3;
                let _ = weight.detach().g_add_(&change);
            }
        });
    }
    assert!(last < 0.02, "{last}");
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
        let message = refused.err().unwrap().to_string();
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
    let expected = Tensor::read_npy("tests/golden/pytorch_u_net.npy").unwrap();
    let found = network.value(&t, &waves(&[2, 288], 0.5), &Given::Nothing);
    assert_eq!(found.size(), expected.size());
    assert!(largest_difference(&found, &expected) < 1e-10);
}

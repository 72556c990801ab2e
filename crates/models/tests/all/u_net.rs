//! The U-Net: shapes, dependence on its arguments, derivatives, learning.

use interflow_core::backward::{self, Graph};
use interflow_core::rng::{Draw, Purpose, Stream};
use interflow_core::{Given, GivenSpace, Network, Space};
use interflow_models::UNetConfig;
use tch::{Device, Kind, Tensor};

use crate::u_nets::{fresh, largest_difference, network, tiny};

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
    let gradient = backward::gradient("a test", &loss, output, Graph::Freed).unwrap();
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
    let gradients = backward::gradients("a test", &loss(&x), &inputs, Graph::Freed).unwrap();
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
        let gradients = backward::gradients("a test", &loss, &weights, Graph::Freed).unwrap();
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
fn hidden_matrices_lead_from_maps_to_maps() {
    let config = UNetConfig {
        n_groups: 1,
        n_blocks: 1,
        head_channels: 2,
        ..UNetConfig::new([3, 4, 4], 2, vec![1, 2])
    };
    let network = fresh(&config, 3, Kind::Float);
    let matrices = network.hidden_matrices();
    for name in &matrices {
        let (_, weight) = network.parameters().iter().find(|(other, _)| other == name).unwrap();
        assert!([2, 4].contains(&weight.dim()), "{name}");
        let (part, rest) = name.split_once('.').unwrap();
        assert!(["down", "middle", "up"].contains(&part) && !rest.contains("shift"), "{name}");
    }
    // Eight blocks of two convolutions each, of which five change the number of channels; attention of two matrices in the
    // middle; a convolution between the levels on each way.
    assert_eq!(matrices.len(), 16 + 5 + 2 + 2);
}

//! Derivatives of vector fields, and the strictness of named weights.

use interflow_core::field::{divergence_by_reverse_mode, quadratic_form_by_reverse_mode};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Error, Parameters, VectorField};
use proptest::prelude::*;
use tch::{Kind, Tensor};

/// A nonlinear field that mixes its coordinates and depends on time.
struct Swirl {
    mix: Tensor,
}

impl VectorField for Swirl {
    fn dim(&self) -> i64 {
        3
    }

    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        (x.matmul(&self.mix) + t.unsqueeze(1)).sin() * x.square()
    }
}

/// A field that does not depend on x.
struct Constant;

impl VectorField for Constant {
    fn dim(&self) -> i64 {
        3
    }

    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        x * 0.0 + t.unsqueeze(1)
    }
}

/// A field whose value is computed without x: there is no graph to differentiate.
struct Unrelated;

impl VectorField for Unrelated {
    fn dim(&self) -> i64 {
        3
    }

    fn value(&self, _t: &Tensor, x: &Tensor) -> Tensor {
        x.full_like(1.5)
    }
}

fn normal(seed: u64, index: u64, shape: &[i64]) -> Tensor {
    Stream::new(seed, Purpose::Test).at(index).normal(shape, Kind::Double)
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn derivatives_agree_with_finite_differences(seed: u64) {
        let field = Swirl { mix: normal(seed, 0, &[3, 3]) };
        let (t, x, u) = (normal(seed, 1, &[5]), normal(seed, 2, &[5, 3]), normal(seed, 3, &[5, 3]));
        let h = 1e-5;
        let along = |u: &Tensor| (field.value(&t, &(&x + u * h)) - field.value(&t, &(&x - u * h))) / (2.0 * h);
        let (value, form) = quadratic_form_by_reverse_mode(&field, &t, &x, &u);
        prop_assert_eq!(value, field.value(&t, &x));
        prop_assert!(largest(&(form - (along(&u) * &u).sum_dim_intlist(1i64, false, None))) < 1e-5);
        let (value, divergence) = divergence_by_reverse_mode(&field, &t, &x);
        prop_assert_eq!(value, field.value(&t, &x));
        let trace = (0..3).fold(x.select(1, 0) * 0.0, |sum, d| {
            let unit = Tensor::eye(3, (Kind::Double, tch::Device::Cpu)).narrow(0, d, 1);
            sum + along(&unit).select(1, d)
        });
        prop_assert!(largest(&(divergence - trace)) < 1e-5);
    }
}

#[test]
fn a_constant_field_has_no_derivative() {
    let (t, x) = (normal(1, 1, &[5]), normal(1, 2, &[5, 3]));
    assert!(largest(&quadratic_form_by_reverse_mode(&Constant, &t, &x, &x).1) < 1e-300);
    assert!(largest(&divergence_by_reverse_mode(&Constant, &t, &x).1) < 1e-300);
    assert!(largest(&Unrelated.value_and_quadratic_form(&t, &x, &x).1) < 1e-300);
    let (value, divergence) = Unrelated.value_and_divergence(&t, &x);
    assert_eq!((value.size(), divergence.size()), (vec![5, 3], vec![5]));
    assert!(largest(&divergence) < 1e-300);
}

fn parameters() -> Parameters {
    let mut parameters = Parameters::new();
    let _ = parameters.add("weight", &normal(1, 0, &[2, 3]));
    let _ = parameters.add("bias", &normal(1, 1, &[2]));
    parameters
}

#[test]
fn weights_are_overwritten_by_name() {
    let mut parameters = parameters();
    let handles = parameters.tensors();
    let mut values = parameters.detached_copy();
    for (_, value) in &mut values {
        *value = value.zeros_like();
    }
    values.reverse();
    parameters.assign(&values).unwrap();
    assert!(handles.iter().all(|weight| largest(weight) < 1e-300 && weight.requires_grad()));
    assert_eq!((parameters.len(), parameters.n_scalars()), (2, 8));
}

#[test]
fn wrong_weights_are_refused_and_nothing_is_overwritten() {
    let mut parameters = parameters();
    let before = parameters.detached_copy();
    let zeros =
        |name: &str, shape: &[i64]| (name.to_owned(), Tensor::zeros(shape, (Kind::Double, tch::Device::Cpu)));
    let (weight, bias) = (|| zeros("weight", &[2, 3]), || zeros("bias", &[2]));
    for (values, culprit) in [
        (vec![weight()], "bias"),
        (vec![weight(), bias(), zeros("extra", &[1])], "extra"),
        (vec![weight(), zeros("bias", &[1])], "bias"),
        (vec![weight(), bias(), weight()], "weight"),
    ] {
        match parameters.assign(&values) {
            Err(Error::ParameterMismatch { name, .. }) => assert_eq!(name, culprit),
            other => panic!("expected a mismatch of {culprit}, found: {other:?}"),
        }
    }
    assert_eq!(before, parameters.detached_copy());
}

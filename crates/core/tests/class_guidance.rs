//! Classifier-free guidance against its formula and its own derivatives.

use interflow_core::class_guidance::ClassGuided;
use interflow_core::field::{divergence_by_reverse_mode, quadratic_form_by_reverse_mode};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Error, VectorField, Velocity};
use proptest::prelude::*;
use tch::{Kind, Tensor};

const DIM: i64 = 3;
const N_CLASSES: i64 = 4;

/// `v = (0, (1 + c²) sin y + t)` for the class c and the point y.
struct ByClass;

impl VectorField for ByClass {
    fn dim(&self) -> i64 {
        1 + DIM
    }

    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let (class, y) = (x.narrow(1, 0, 1), x.narrow(1, 1, DIM));
        Tensor::cat(&[&class * 0.0, (class.square() + 1.0) * y.sin() + t.unsqueeze(1)], 1)
    }
}

/// Times `[N_CLASSES + 1]` and rows with the classes 0, 1, … and none.
fn rows(seed: u64) -> (Tensor, Tensor) {
    let mut draw = Stream::new(seed, Purpose::Test).at(0);
    let class = Tensor::arange(N_CLASSES + 1, (Kind::Double, tch::Device::Cpu)).unsqueeze(1);
    let y = draw.normal(&[N_CLASSES + 1, DIM], Kind::Double);
    (draw.uniform(&[N_CLASSES + 1], Kind::Double), Tensor::cat(&[class, y], 1))
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_classes_pull_is_weighted(seed in 0u64..1000, weight in -1.0f64..5.0) {
        let guided = ClassGuided::new(Velocity(ByClass), weight, N_CLASSES).unwrap();
        let (t, x) = rows(seed);
        let value = guided.value(&t, &x);
        let (class, y) = (x.narrow(1, 0, 1), x.narrow(1, 1, DIM));
        let none = (N_CLASSES * N_CLASSES) as f64;
        let expected = ((class.square() - none) * weight + (1.0 + none)) * y.sin() + t.unsqueeze(1);
        prop_assert!(largest(&(value.narrow(1, 1, DIM) - &expected)) < 1e-12);
        prop_assert!(largest(&value.narrow(1, 0, 1)) < 1e-300, "the class moves");
        let (value, divergence) = guided.value_and_divergence(&t, &x);
        prop_assert!(largest(&(value.narrow(1, 1, DIM) - expected)) < 1e-12);
        prop_assert!(largest(&(divergence - divergence_by_reverse_mode(&guided, &t, &x).1)) < 1e-9);
    }

    #[test]
    fn the_quadratic_form_is_that_of_the_value(seed in 0u64..1000, weight in -1.0f64..5.0) {
        let guided = ClassGuided::new(Velocity(ByClass), weight, N_CLASSES).unwrap();
        let (t, x) = rows(seed);
        let u = Stream::new(seed, Purpose::Probe).sign_rows(0, N_CLASSES + 1, 1 + DIM, Kind::Double);
        let (value, form) = guided.value_and_quadratic_form(&t, &x, &u);
        let (expected_value, expected) = quadratic_form_by_reverse_mode(&guided, &t, &x, &u);
        prop_assert!(largest(&(value - expected_value)) < 1e-12);
        prop_assert!(largest(&(form - expected)) < 1e-9);
    }
}

#[test]
fn weight_one_is_the_velocity_itself() {
    let (t, x) = rows(5);
    let guided = ClassGuided::new(Velocity(ByClass), 1.0, N_CLASSES).unwrap();
    assert!(largest(&(guided.value(&t, &x) - ByClass.value(&t, &x))) < 1e-12);
}

#[test]
fn senseless_numbers_are_refused() {
    for (weight, n_classes) in [(f64::NAN, 3), (f64::INFINITY, 3), (1.0, 0)] {
        let refused = ClassGuided::new(Velocity(ByClass), weight, n_classes);
        assert!(matches!(refused, Err(Error::OutOfRange { .. })));
    }
}

//! Classifier-free guidance against its formula and its own derivatives.

use interflow_core::class_guidance::ClassGuided;
use interflow_core::field::{divergence_by_reverse_mode, quadratic_form_by_reverse_mode};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{
    At, Error, Given, GivenSpace, Network, Parameters, Result, Space, VectorField, Velocity,
};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

const DIM: i64 = 3;
const N_CLASSES: i64 = 4;
/// One row for each class and one for none.
const N_ROWS: i64 = N_CLASSES + 1;

/// `v = (1 + c²) sin x + t` for the class c.
#[derive(Default)]
struct ByClass(Parameters);

impl Network for ByClass {
    fn space(&self) -> Space {
        Space { dim: DIM, given: GivenSpace::Class { n_classes: N_CLASSES } }
    }

    fn parameters(&self) -> &Parameters {
        &self.0
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.0
    }

    fn value(&self, t: &Tensor, x: &Tensor, given: &Given) -> Tensor {
        let class = given.tensor().unwrap().to_kind(Kind::Double).unsqueeze(1);
        (class.square() + 1.0) * x.sin() + t.unsqueeze(1)
    }

    fn duplicate(&self) -> Result<Box<dyn Network>> {
        Ok(Box::new(Self::default()))
    }
}

/// The classes 0, 1, … and none, `[N_ROWS]`.
fn classes() -> Tensor {
    Tensor::arange(N_ROWS, (Kind::Int64, Device::Cpu))
}

/// Times `[N_ROWS]` and points `[N_ROWS, DIM]`.
fn rows(seed: u64) -> (Tensor, Tensor) {
    let mut draw = Stream::new(seed, Purpose::Test).at(0);
    let x = draw.normal(&[N_ROWS, DIM], Kind::Double);
    (draw.uniform(&[N_ROWS], Kind::Double), x)
}

fn guided(network: &ByClass, weight: f64) -> Velocity<ClassGuided<'_>> {
    ClassGuided::new(network, &classes(), weight).unwrap()
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_classes_pull_is_weighted(seed in 0u64..1000, weight in -1.0f64..5.0) {
        let network = ByClass::default();
        let guided = guided(&network, weight);
        let (t, x) = rows(seed);
        let class = classes().to_kind(Kind::Double).unsqueeze(1);
        let none = (N_CLASSES * N_CLASSES) as f64;
        let expected = ((class.square() - none) * weight + (1.0 + none)) * x.sin() + t.unsqueeze(1);
        prop_assert!(largest(&(guided.value(&t, &x) - &expected)) < 1e-12);
        let (value, divergence) = guided.value_and_divergence(&t, &x);
        prop_assert!(largest(&(value - expected)) < 1e-12);
        prop_assert!(largest(&(divergence - divergence_by_reverse_mode(&guided, &t, &x).1)) < 1e-9);
    }

    #[test]
    fn the_quadratic_form_is_that_of_the_value(seed in 0u64..1000, weight in -1.0f64..5.0) {
        let network = ByClass::default();
        let guided = guided(&network, weight);
        let (t, x) = rows(seed);
        let u = Stream::new(seed, Purpose::Probe).sign_rows(0, N_ROWS, DIM, Kind::Double);
        let (value, form) = guided.value_and_quadratic_form(&t, &x, &u);
        let (expected_value, expected) = quadratic_form_by_reverse_mode(&guided, &t, &x, &u);
        prop_assert!(largest(&(value - expected_value)) < 1e-12);
        prop_assert!(largest(&(form - expected)) < 1e-9);
    }
}

#[test]
fn weight_one_is_the_velocity_itself() {
    let network = ByClass::default();
    let (t, x) = rows(5);
    let own = At::new(&network, &Given::Class(classes())).value(&t, &x);
    assert!(largest(&(guided(&network, 1.0).value(&t, &x) - own)) < 1e-12);
}

#[test]
fn a_part_of_the_rows_keeps_its_classes() {
    let network = ByClass::default();
    let (t, x) = rows(6);
    let chosen = Tensor::from_slice(&[3i64, 1]);
    let pick = |x: &Tensor| x.index_select(0, &chosen);
    let bound = At::new(&network, &Given::Class(classes()));
    let fields: [&dyn VectorField; 2] = [&guided(&network, 2.5), &bound];
    for field in fields {
        let part = field.for_rows(&chosen).unwrap();
        let expected = pick(&field.value(&t, &x));
        assert!(largest(&(part.value(&pick(&t), &pick(&x)) - expected)) < 1e-12);
    }
}

#[test]
fn senseless_numbers_are_refused() {
    let network = ByClass::default();
    for weight in [f64::NAN, f64::INFINITY] {
        let refused = ClassGuided::new(&network, &classes(), weight);
        assert!(matches!(refused, Err(Error::OutOfRange { .. })));
    }
    let refused = ClassGuided::new(&network, &classes().to_kind(Kind::Double), 1.0);
    assert!(matches!(refused, Err(Error::Given { .. })));
}

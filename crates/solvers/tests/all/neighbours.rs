//! What a row's result owes to the other rows of its batch: nothing but rounding.
//!
//! libtorch's products of matrices round differently in batches of other sizes, and a batch becomes smaller as its rows
//! arrive. How far that carries is measured here on a perceptron.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use interflow_core::VectorField;
use interflow_core::rng::{Purpose, Stream};
use interflow_solvers::{Method, SolverConfig};
use tch::{Kind, Tensor};

use crate::fields::{Logistic, Stiff};

/// How many rows the whole batch has.
const BATCH: i64 = 300;

/// A perceptron of two hidden layers on (x, t), strong enough that rows need different steps.
struct Perceptron(Vec<Tensor>);

impl Perceptron {
    fn new(kind: Kind) -> Self {
        let mut draw = Stream::new(2, Purpose::Init).at(0);
        let layers = [3, 64, 64, 2].windows(2).map(|pair: &[i64]| {
            (draw.normal(&[pair[1], pair[0]], Kind::Double) * (3.0 / pair[0] as f64).sqrt()).to_kind(kind)
        });
        Self(layers.collect())
    }
}

impl VectorField for Perceptron {
    fn dim(&self) -> i64 {
        2
    }
    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let [first, second, third] = [0, 1, 2].map(|layer| &self.0[layer]);
        let inputs = Tensor::cat(&[x, &t.unsqueeze(1)], 1);
        let linear = |h: &Tensor, weight: &Tensor| h.linear(weight, None::<&Tensor>);
        linear(&linear(&linear(&inputs, first).silu(), second).silu(), third) * 2.0
    }
}

fn starts(dim: i64, kind: Kind) -> Tensor {
    Stream::new(4, Purpose::Test).normal_rows(0, BATCH, dim, Kind::Double).to_kind(kind)
}

/// The end of the whole batch, and how far parts of it end from there when they are solved alone.
fn apart(config: &SolverConfig, field: &dyn VectorField, x: &Tensor) -> (Tensor, f64) {
    let solver = config.build().unwrap();
    let solve = |x: &Tensor| solver.solve(field, x, 0.0, 1.0).unwrap().x;
    let whole = solve(x);
    let parts = [(0, 1), (7, 1), (100, 2), (3, 7), (64, 64), (1, 150), (0, BATCH - 1)];
    let off = parts.map(|(first, n)| {
        let part = |x: &Tensor| x.narrow(0, first, n);
        (solve(&part(x)) - part(&whole)).abs().max().double_value(&[])
    });
    (whole, off.into_iter().fold(0.0, f64::max))
}

fn by_error(method: Method) -> SolverConfig {
    SolverConfig { method, ..SolverConfig::default() }
}

fn equal_steps() -> SolverConfig {
    SolverConfig { method: Method::Rk4, steps: Some(50), ..SolverConfig::default() }
}

/// Number by number little is rounded differently: the last numbers of a tensor, which are too few for a vector register.
#[test]
fn fields_without_products_of_matrices_owe_their_batch_last_bits_only() {
    for config in [by_error(Method::Bosh3), by_error(Method::Dopri5), by_error(Method::Tsit5), equal_steps()]
    {
        for (kind, bound) in [(Kind::Float, 1e-5), (Kind::Double, 1e-12)] {
            let scales = Tensor::from_slice(&[1.0, 30.0]).to_kind(kind);
            let stiff = (starts(2, kind) * scales).abs();
            for (field, x) in [(&Logistic as &dyn VectorField, starts(1, kind).abs()), (&Stiff, stiff)] {
                let (_, off) = apart(&config, field, &x);
                assert!(off < bound, "{config:?}, {kind:?}: {off}");
            }
        }
    }
}

#[test]
fn a_perceptron_in_double_precision_owes_its_batch_rounding_only() {
    for config in [by_error(Method::Dopri5), by_error(Method::Tsit5), equal_steps()] {
        let (_, off) = apart(&config, &Perceptron::new(Kind::Double), &starts(2, Kind::Double));
        assert!(off < 1e-10, "{config:?}: {off}");
    }
}

#[test]
fn a_perceptron_in_single_precision_with_equal_steps_owes_its_batch_rounding_only() {
    let (_, off) = apart(&equal_steps(), &Perceptron::new(Kind::Float), &starts(2, Kind::Float));
    assert!(off < 1e-5, "{off}");
}

/// In single precision an error estimate at such a tolerance is half rounding, and so the steps that it chooses: batches
/// differ by more than rounding, and by less than either is off.
#[test]
fn a_perceptron_in_single_precision_with_steps_by_error_stays_within_the_solves_own_error() {
    let tight = SolverConfig { rtol: 1e-10, atol: 1e-10, ..SolverConfig::default() };
    let (exact, _) = apart(&tight, &Perceptron::new(Kind::Double), &starts(2, Kind::Double));
    for method in [Method::Dopri5, Method::Tsit5] {
        let (found, off) = apart(&by_error(method), &Perceptron::new(Kind::Float), &starts(2, Kind::Float));
        let error = (found.to_kind(Kind::Double) - &exact).abs().max().double_value(&[]);
        assert!(
            off < error && off < 2e-4,
            "{method:?}: batches differ by {off}, the solve's error is {error}"
        );
    }
}

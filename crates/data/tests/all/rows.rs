//! Rows as a source: epochs, the dependence on stream and step, and dequantisation.

#![allow(clippy::unwrap_used)]

use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source;
use interflow_core::{Given, GivenSpace, Space};
use interflow_data::{Dequantisation, Error, Rows};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

const STREAM: Stream = Stream::new(7, Purpose::Target);

/// `n` rows `(i, −i)`.
fn numbered(n: i64) -> Rows {
    let number = Tensor::arange(n, (Kind::Float, Device::Cpu));
    Rows::new(Tensor::stack(&[&number, &-&number], 1)).unwrap()
}

/// The numbers of the rows in a batch; their columns must belong together.
fn visited(rows: &Rows, n: i64, step: u64, stream: &Stream) -> Vec<i64> {
    let batch = rows.batch(n, step, stream).x;
    assert_eq!((batch.size(), batch.kind()), (vec![n, 2], Kind::Float));
    assert_eq!(batch.select(1, 0), -batch.select(1, 1));
    batch.select(1, 0).to_kind(Kind::Int64).try_into().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Also where batches straddle epochs or hold several.
    #[test]
    fn each_epoch_visits_every_row_once(n_rows in 1i64..30, batch in 1i64..50, n_epochs in 1i64..5) {
        let rows = numbered(n_rows);
        let n_steps = (n_rows * n_epochs).unsigned_abs().div_ceil(batch.unsigned_abs());
        let all: Vec<i64> = (0..n_steps).flat_map(|step| visited(&rows, batch, step, &STREAM)).collect();
        for epoch in all.chunks_exact(n_rows as usize) {
            let mut epoch = epoch.to_vec();
            epoch.sort_unstable();
            prop_assert_eq!(epoch, (0..n_rows).collect::<Vec<_>>());
        }
    }

    /// Whatever was asked for before.
    #[test]
    fn a_batch_is_a_function_of_stream_and_step(asked in prop::collection::vec((0u64..40, 0u64..3), 1..12)) {
        let rows = numbered(23);
        for (step, seed) in asked {
            let stream = Stream::new(seed, Purpose::Target);
            let alone = visited(&numbered(23), 5, step, &stream);
            prop_assert_eq!(visited(&rows, 5, step, &stream), alone);
        }
    }
}

#[test]
fn the_order_differs_between_epochs_and_streams() {
    let rows = numbered(40);
    let first = visited(&rows, 40, 0, &STREAM);
    assert_ne!(first, (0..40).collect::<Vec<_>>());
    assert_ne!(first, visited(&rows, 40, 1, &STREAM));
    assert_ne!(first, visited(&rows, 40, 0, &Stream::new(8, Purpose::Target)));
    assert_ne!(first, visited(&rows, 40, 0, &STREAM.with_purpose(Purpose::Base)));
}

#[test]
fn an_empty_batch_has_no_rows() {
    assert_eq!(numbered(3).batch(0, 5, &STREAM).x.size(), [0, 2]);
}

#[test]
fn rows_without_rows_or_columns_are_refused() {
    for shape in [&[0i64, 3][..], &[3, 0], &[3], &[2, 3, 4]] {
        let error = Rows::new(Tensor::zeros(shape, (Kind::Float, Device::Cpu))).unwrap_err();
        assert!(matches!(error, Error::Rows { .. }));
        assert!(error.to_string().contains(&format!("{shape:?}")), "{error}");
    }
}

const QUANTUM: [f64; 2] = [0.5, 2.0];

/// Values on the grid of their quanta, `[2000, 2]`, in double precision.
fn quantised() -> Tensor {
    let normal = Stream::new(1, Purpose::Test).at(0).normal(&[2000, 2], Kind::Double);
    (normal * 4.0).round() * Tensor::from_slice(&QUANTUM)
}

fn dequantised(mean: &[f64], deviation: &[f64]) -> Rows {
    let (quantum, mean) = (Tensor::from_slice(&QUANTUM), Tensor::from_slice(mean));
    let dequantisation =
        Dequantisation { places: Vec::new(), quantum, mean, deviation: Tensor::from_slice(deviation) };
    Rows::dequantised(quantised(), dequantisation).unwrap()
}

/// A batch that is not standardised, `[n, 2]`, in units of the quanta.
fn in_quanta(n: i64, step: u64) -> Tensor {
    let batch = dequantised(&[0.0; 2], &[1.0; 2]).batch(n, step, &STREAM).x;
    assert_eq!(batch.kind(), Kind::Float);
    batch.to_kind(Kind::Double) / Tensor::from_slice(&QUANTUM)
}

fn sorted(x: &Tensor) -> Tensor {
    x.sort(0, false).0
}

#[test]
fn noise_is_uniform_within_one_quantum() {
    let values = in_quanta(2000, 3);
    let noise = &values - values.floor();
    // Without the noise, these are the very rows.
    assert_eq!(sorted(&values.floor()), sorted(&(quantised() / Tensor::from_slice(&QUANTUM))));
    // 2000 uniform numbers: mean 1/2 ± 0.0065, variance 1/12 ± 0.0017; four standard errors are allowed.
    for column in 0..2 {
        let noise = noise.select(1, column);
        assert!((noise.mean(Kind::Double).double_value(&[]) - 0.5).abs() < 0.026);
        assert!((noise.var(true).double_value(&[]) - 1.0 / 12.0).abs() < 0.007);
    }
    let [first, second] = [0, 1].map(|column| noise.select(1, column) - 0.5);
    assert!((first * second).mean(Kind::Double).double_value(&[]).abs() < 4.0 / 12.0 / 2000f64.sqrt());
}

#[test]
fn dequantised_rows_are_standardised() {
    // The law of the noisy values: the rows' own moments, half a quantum on, and the noise's variance q²/12.
    let rows = quantised();
    let quantum = Tensor::from_slice(&QUANTUM);
    let mean = rows.mean_dim(0i64, false, Kind::Double) + &quantum * 0.5;
    let variance = rows.var_dim(0i64, false, false) + quantum.square() / 12.0;
    let numbers = |x: &Tensor| Vec::<f64>::try_from(x).unwrap();
    let batch = dequantised(&numbers(&mean), &numbers(&variance.sqrt())).batch(2000, 0, &STREAM).x;
    let batch = batch.to_kind(Kind::Double);
    // Only the noise is random, and its deviation is a fourteenth of the whole.
    for mean in numbers(&batch.mean_dim(0i64, false, Kind::Double)) {
        assert!(mean.abs() < 5.0 / 14.0 / 2000f64.sqrt(), "{mean}");
    }
    for deviation in numbers(&batch.std_dim(0i64, false, false)) {
        assert!((deviation - 1.0).abs() < 0.01, "{deviation}");
    }
}

#[test]
fn noise_is_fresh_at_every_visit_and_a_function_of_the_step() {
    let noise = |step| {
        let values = in_quanta(2000, step);
        sorted(&(&values - values.floor()))
    };
    assert_eq!(noise(0), noise(0));
    assert_ne!(noise(0), noise(1));
    let rows = dequantised(&[0.0; 2], &[1.0; 2]);
    let (before, between) = (rows.batch(9, 4, &STREAM).x, rows.batch(9, 5, &STREAM).x);
    assert_ne!(before, between);
    assert_eq!(before, rows.batch(9, 4, &STREAM).x);
}

/// Forty states (i, −i), each given (3i, i², 1).
fn with_numbers() -> Rows {
    let number = Tensor::arange(40, (Kind::Float, Device::Cpu));
    let given = Tensor::stack(&[&number * 3, number.square(), number.ones_like()], 1);
    numbered(40).given(given).unwrap()
}

#[test]
fn what_a_state_is_given_travels_beside_it() {
    let rows = with_numbers();
    assert_eq!(rows.space(), Space { dim: 2, given: GivenSpace::Numbers { n: 3 } });
    // A batch over an epoch's end.
    let batch = rows.batch(27, 1, &STREAM);
    let number = batch.x.select(1, 0);
    let Given::Numbers(given) = batch.given else { panic!("no numbers") };
    assert_eq!(given, Tensor::stack(&[&number * 3, number.square(), number.ones_like()], 1));
    // The states are those of the source without conditions, in the same order.
    assert_eq!(batch.x, numbered(40).batch(27, 1, &STREAM).x);
    assert_eq!(rows.batch(0, 1, &STREAM).given.tensor().unwrap().size(), [0, 3]);
}

#[test]
fn noise_is_for_states_only() {
    let (mean, deviation) = (Tensor::from_slice(&[0.0; 2]), Tensor::from_slice(&[1.0; 2]));
    let dequantisation =
        Dequantisation { places: Vec::new(), quantum: Tensor::from_slice(&QUANTUM), mean, deviation };
    let given = Tensor::arange(2000, (Kind::Float, Device::Cpu)).view([2000, 1]);
    let rows = Rows::dequantised(quantised(), dequantisation).unwrap().given(given).unwrap();
    let batch = rows.batch(50, 3, &STREAM);
    assert_eq!(batch.x, dequantised(&[0.0; 2], &[1.0; 2]).batch(50, 3, &STREAM).x);
    let given = batch.given.tensor().unwrap();
    assert_eq!(*given, given.round());
}

#[test]
fn conditions_of_other_rows_are_refused() {
    for shape in [[39i64, 3], [40, 0]] {
        let error = numbered(40).given(Tensor::zeros(shape, (Kind::Float, Device::Cpu))).unwrap_err();
        assert!(matches!(error, Error::Rows { .. }), "{error}");
    }
}

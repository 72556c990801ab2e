//! Tables in memory: fitted, sampled and judged in their own units, with and without conditions.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use interflow_core::rng::Stream;
use interflow_core::tch::{Device, Kind, Tensor};
use interflow_core::{Given, Points};
use interflow_data::{Table, Unfit, table};
use interflow_flow::{Experiment, FitOptions, SampleOptions, fit};
use interflow_train::TimeConfig;

/// A small network and a few hundred steps.
fn quick() -> FitOptions {
    let set = [
        "model.hidden=[32,32]",
        "train.batch=256",
        "train.optimizer.learning_rate=1e-2",
        "train.warmup_steps=20",
        "train.ema_decay=0.98",
        "train.n_validation=64",
    ];
    FitOptions { steps: Some(400), set: set.map(str::to_owned).to_vec(), ..FitOptions::default() }
}

/// 600 rows of y = 100 + 30 c + 20 a and c uniform on [−2, 2], in the order (y, c).
fn bent() -> Table {
    let mut draw = Stream::named(0, "rows of a test").at(0);
    let c = draw.uniform(&[600, 1], Kind::Double) * 4.0 - 2.0;
    let y = &c * 30.0 + draw.normal(&[600, 1], Kind::Double) * 20.0 + 100.0;
    Table { columns: Some(vec!["y".to_owned(), "c".to_owned()]), values: Tensor::cat(&[y, c], 1) }
}

fn mean_and_deviation(x: &Tensor) -> (f64, f64) {
    let x = x.to_kind(Kind::Double);
    (x.mean(Kind::Double).double_value(&[]), x.std(true).double_value(&[]))
}

#[test]
fn a_table_is_fitted_in_its_own_units() {
    let table = bent();
    let flow = fit(&table, &quick()).unwrap();
    let names: Vec<String> = flow.columns().unwrap().state_names();
    assert_eq!(names, ["y", "c"]);
    let samples = flow.sample(500, 1).unwrap();
    for column in 0..2 {
        let (mean, deviation) = mean_and_deviation(&table.values.select(1, column));
        let (found, spread) = mean_and_deviation(&samples.select(1, column));
        assert!((found - mean).abs() < 0.25 * deviation, "column {column}: mean {found}, data {mean}");
        assert!((spread / deviation - 1.0).abs() < 0.25, "column {column}: deviation {spread}");
    }
}

#[test]
fn a_density_given_a_column_is_the_known_one() {
    let options = FitOptions { given: vec!["c".to_owned()], ..quick() };
    let flow = fit(&bent(), &options).unwrap();
    assert_eq!((flow.space().dim, flow.space().given.n_inputs()), (1, 1));
    let message = flow.sample(3, 0).unwrap_err().to_string();
    assert!(message.contains("conditions: c"), "{message}");

    let n = 400;
    let given = |c: f64| Given::Numbers(Tensor::full([n, 1], c, (Kind::Double, Device::Cpu)));
    for c in [-1.0, 1.5] {
        let options = SampleOptions::default().seed(2).given(given(c));
        let samples = flow.sample_with(n as u64, &options).unwrap();
        let numbers = samples.points.given.tensor().unwrap();
        assert!(numbers.eq(c).all().int64_value(&[]) == 1, "conditions stay as they are");
        let (mean, deviation) = mean_and_deviation(&samples.points.x);
        assert!(
            (mean - 100.0 - 30.0 * c).abs() < 8.0 && (deviation - 20.0).abs() < 5.0,
            "{mean}, {deviation}"
        );

        // 400 cells of 1 about the mean: the density of y given c integrates to 1 in y's own units.
        let y = Tensor::arange(n, (Kind::Double, Device::Cpu)).view([n, 1]) + (100.0 + 30.0 * c - 199.5);
        let points = Points { x: y, given: given(c) };
        let density = flow.log_density(&points, 1.0).unwrap().to_kind(Kind::Double).exp();
        let mass = density.sum(Kind::Double).double_value(&[]);
        assert!((mass - 1.0).abs() < 0.01, "the density integrates to {mass}");
        let encoded = flow.encode(&samples.points).unwrap();
        let (mean, deviation) = mean_and_deviation(&encoded);
        assert!(mean.abs() < 0.2 && (deviation - 1.0).abs() < 0.2, "{mean}, {deviation}");
    }
}

#[test]
fn what_cannot_be_fitted_is_named() {
    let with = |value: f64, options: FitOptions| {
        let table = bent();
        let _ = table.values.get(7).get(0).fill_(value);
        fit(&table, &FitOptions { steps: Some(2), ..options }).err().map(|error| error.to_string())
    };
    let message = with(f64::NAN, FitOptions { missing: Unfit::Refuse, ..quick() }).unwrap();
    assert!(message.contains("row 8") && message.contains("hint: "), "{message}");
    assert_eq!(with(f64::NAN, FitOptions { missing: Unfit::Drop, ..quick() }), None);
    assert_eq!(with(f64::NAN, quick()), None, "a missing value is modelled");
    let message = with(0.0, FitOptions { columns: Some(vec!["z".to_owned()]), ..quick() }).unwrap();
    assert!(message.contains("no column `z`"), "{message}");
}

/// 600 rows of two columns that agree but for a twentieth.
fn close() -> Table {
    let mut draw = Stream::named(0, "close columns of a test").at(0);
    let a = draw.normal(&[600, 1], Kind::Double);
    let b = &a + draw.normal(&[600, 1], Kind::Double) * 0.05;
    Table { columns: Some(vec!["a".to_owned(), "b".to_owned()]), values: Tensor::cat(&[a, b], 1) }
}

/// A Gaussian to correct tells close columns apart from the first step; without trials, or where a tenth of the steps is nothing,
/// what the config says is kept.
#[test]
fn short_trainings_choose_how_a_table_is_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("close.csv");
    let Table { columns, values } = close();
    table::write_csv(&file, columns.as_deref(), &values).unwrap();
    let options = FitOptions { steps: Some(1000), ..quick() };
    let chosen = |options: &FitOptions| {
        let fit = interflow_flow::fit::of_file(&file, options).unwrap().choose(Experiment::new).unwrap();
        (fit.config.precondition.is_some(), fit.config.train.time != TimeConfig::default())
    };
    assert_eq!(chosen(&options), (true, true));
    assert_eq!(chosen(&FitOptions { steps: Some(900), ..options.clone() }), (false, false));
    // Said already: by a law of the times that is another than the default.
    let beta = "train.time={kind=\"beta\",a=1.0,b=0.5}".to_owned();
    let said = FitOptions { set: [options.set.clone(), vec![beta]].concat(), ..options.clone() };
    assert_eq!(chosen(&said), (false, true));
    let with = |setting: &str| {
        let set = [options.set.clone(), vec![setting.to_owned()]].concat();
        chosen(&FitOptions { set, ..options.clone() })
    };
    assert_eq!(with("train.time.kind=uniform"), (false, false));
    // A path that is learned goes with uniform times only, and what is no density has no NLL.
    assert_eq!(with("path={family={kind=\"fourier\"},start=1}"), (false, false));
    let base = format!("base={{kind=\"table\",file={:?}}}", file.display().to_string());
    assert_eq!(with(&base), (false, false));
    // With conditions there is no Gaussian.
    assert!(!chosen(&FitOptions { given: vec!["a".to_owned()], ..options }).0);
}

//! Rows with holes, and samples with their log-densities, against closed forms.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use interflow_core::Given;
use interflow_core::rng::Stream;
use interflow_data::Table;
use interflow_flow::{DensityOptions, Fill, FitOptions, Flow, SampleOptions, fit};
use tch::{Device, Kind, Tensor};

/// y = 3 x + 4 with noise of deviation 1; x is standard normal, so that x given y is N(0.3 (y − 4), 0.1).
fn line(n: i64) -> Table {
    let draw = Stream::named(0, "a table with holes").at(0).normal(&[n, 2], Kind::Double);
    let x = draw.select(1, 0);
    let y = &x * 3.0 + 4.0 + draw.select(1, 1);
    Table { columns: Some(vec!["x".to_owned(), "y".to_owned()]), values: Tensor::stack(&[x, y], 1) }
}

fn options(fill: Fill) -> FitOptions {
    let set = [
        "model.hidden=[48,48]",
        "train.optimizer.learning_rate=1e-2",
        "train.batch=256",
        "train.ema_decay=0.99",
        "train.n_validation=500",
        "threads=1",
    ];
    FitOptions { fill, steps: Some(900), set: set.map(str::to_owned).to_vec(), ..FitOptions::default() }
}

fn filled(flow: &Flow, row: [f64; 2], n: i64) -> Tensor {
    let rows = Tensor::from_slice(&row).view([1, 2]).repeat([n, 1]);
    flow.fill(&rows, &Given::Nothing, 0, 7).unwrap().rows
}

fn moments(x: &Tensor) -> (f64, f64) {
    (x.mean(Kind::Double).double_value(&[]), x.std(true).double_value(&[]))
}

#[test]
fn holes_are_filled_by_the_conditional_law() {
    let flow = fit(&line(4000), &options(Fill::Yes)).unwrap();
    let n = 2000;
    for y in [0.0, 4.0, 7.0] {
        let rows = filled(&flow, [f64::NAN, y], n);
        assert!(rows.select(1, 1).eq(y).all().int64_value(&[]) == 1, "what is there stays");
        let (mean, deviation) = moments(&rows.select(1, 0));
        assert!((mean - 0.3 * (y - 4.0)).abs() < 0.1, "{y}: {mean}");
        assert!((deviation - 0.1f64.sqrt()).abs() < 0.08, "{y}: {deviation}");
    }
    let (mean, deviation) = moments(&filled(&flow, [1.0, f64::NAN], n).select(1, 1));
    assert!((mean - 7.0).abs() < 0.3 && (deviation - 1.0).abs() < 0.25, "{mean} {deviation}");
    // Nothing is there: samples of the flow. All is there: nothing to fill.
    let (mean, deviation) = moments(&filled(&flow, [f64::NAN, f64::NAN], n).select(1, 1));
    assert!((mean - 4.0).abs() < 0.4 && (deviation - 10f64.sqrt()).abs() < 0.4, "{mean} {deviation}");
    assert!(filled(&flow, [1.0, 2.0], 3).equal(&Tensor::from_slice(&[1.0, 2.0]).view([1, 2]).repeat([3, 1])));

    // A row's samples are its own, whatever rows are beside it; what cannot be is refused.
    let two = flow
        .fill(&Tensor::from_slice(&[f64::NAN, 1.0, f64::NAN, 5.0]).view([2, 2]), &Given::Nothing, 0, 7)
        .unwrap()
        .rows;
    let one =
        flow.fill(&Tensor::from_slice(&[f64::NAN, 5.0]).view([1, 2]), &Given::Nothing, 1, 7).unwrap().rows;
    assert!((two.narrow(0, 1, 1) - one).abs().max().double_value(&[]) < 1e-3);
    let wrong = Tensor::zeros([2, 3], (Kind::Double, Device::Cpu));
    assert!(flow.fill(&wrong, &Given::Nothing, 0, 0).is_err());
    let given = Given::Numbers(Tensor::zeros([1, 1], (Kind::Double, Device::Cpu)));
    assert!(flow.fill(&Tensor::zeros([1, 2], (Kind::Double, Device::Cpu)), &given, 0, 0).is_err());

    // The same flow has the density of whole rows.
    let rows = line(300).values;
    let (x, y) = (rows.select(1, 0), rows.select(1, 1));
    let truth = x.square() * -0.5 - (&y - &x * 3.0 - 4.0).square() * 0.5 - std::f64::consts::TAU.ln();
    let (off, _) = moments(&(flow.log_density(&rows, 1.0).unwrap().to_kind(Kind::Double) - truth).abs());
    assert!(off < 0.25, "{off}");
}

#[test]
fn samples_come_with_the_log_densities_that_they_have() {
    let flow = fit(&line(1000), &options(Fill::No)).unwrap();
    let samples = flow.sample_with(200, &SampleOptions::default().log_density()).unwrap();
    let alone = flow.sample_with(200, &SampleOptions::default()).unwrap();
    let gap = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]);
    // Their solves choose other steps.
    assert!(gap(&samples.points.x, &alone.points.x) < 1e-2);
    let found = samples.log_density.unwrap();
    let expected = flow.log_density_with(&samples.points.x, 1.0, &DensityOptions::default()).unwrap();
    assert!(gap(&found, &expected.rows) < 2e-3, "{}", gap(&found, &expected.rows));
    assert!(samples.nfe as f64 <= 1.5 * expected.nfe as f64, "{} {}", samples.nfe, expected.nfe);
    assert!(alone.log_density.is_none());
    let none = flow.sample_with(0, &SampleOptions::default().log_density()).unwrap();
    assert_eq!((none.points.x.size(), none.log_density.unwrap().size()), (vec![0, 2], vec![0]));
    let with_noise = SampleOptions { guidance: Some(2.0), ..SampleOptions::default().log_density() };
    assert!(flow.sample_with(3, &with_noise).unwrap_err().to_string().contains("guidance"));
    let message =
        flow.fill(&Tensor::zeros([1, 2], (Kind::Double, Device::Cpu)), &Given::Nothing, 0, 0).unwrap_err();
    assert!(message.to_string().contains("--fill yes"), "{message}");
}

/// A fifth of x is missing, whatever y is, so that a whole row has four fifths of its density, and a row with a hole a fifth of y's.
#[test]
fn a_density_given_its_holes_has_no_part_of_theirs() {
    let table = line(4000);
    let gone = Stream::named(1, "a table with holes").at(0).uniform(&[4000], Kind::Double).lt(0.2);
    let x = table.values.select(1, 0).masked_fill(&gone, f64::NAN);
    let table = Table { values: Tensor::stack(&[x, table.values.select(1, 1)], 1), ..table };
    let flow = fit(&table, &options(Fill::No)).unwrap();
    let rows = Tensor::from_slice(&[0.3, 5.0, f64::NAN, 5.0, 0.3, f64::NAN]).view([3, 2]);
    let found = flow.log_probability_of_holes(&rows, 3).unwrap();
    let log_p = |row| found.log_probability.double_value(&[row]);
    assert!((log_p(0) - 0.8f64.ln()).abs() < 0.05, "{}", log_p(0));
    assert!((log_p(1) - 0.2f64.ln()).abs() < 0.2, "{}", log_p(1));
    assert!(found.standard_error.double_value(&[1]) < 0.02);
    // No sample lacks its y: half of one.
    assert!((log_p(2) - (0.5f64 / 20_001.0).ln()).abs() < 1e-9, "{}", log_p(2));
    for wrong in [Tensor::zeros([1, 3], (Kind::Double, Device::Cpu)), Tensor::from(0.3)] {
        assert!(flow.log_probability_of_holes(&wrong, 0).is_err());
    }
}

//! Rows that cannot be, and conditions and values far from all that a flow was fitted to.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use interflow_core::rng::Stream;
use interflow_core::{Given, Points};
use interflow_data::Table;
use interflow_flow::{FitOptions, Flow, SampleOptions, fit};
use tch::{Kind, Tensor};

/// An age, which is given, a count of 0 to 4, and a positive price.
fn flow() -> Flow {
    let draw = Stream::named(0, "a table of a test").at(0).normal(&[400, 3], Kind::Double);
    let age = draw.select(1, 0);
    let count = (draw.select(1, 1) + 2.0).round().clamp(0.0, 4.0);
    let price = (draw.select(1, 2) + &age).exp();
    let columns = Some(["age", "count", "price"].map(str::to_owned).to_vec());
    let table = Table { columns, values: Tensor::stack(&[age, count, price], 1) };
    let set = ["threads=1", "model.hidden=[16]", "train.n_validation=20"].map(str::to_owned).to_vec();
    let options = FitOptions { given: vec!["age".to_owned()], steps: Some(60), set, ..FitOptions::default() };
    fit(&table, &options).unwrap()
}

fn given(age: f64, n: i64) -> Given {
    Given::Numbers(Tensor::from(age).to_kind(Kind::Double).expand([n, 1], false))
}

fn is_finite(x: &Tensor) -> bool {
    x.isfinite().all().int64_value(&[]) == 1
}

#[test]
fn what_cannot_be_has_no_density_and_no_encoding() {
    let flow = flow();
    for (row, parts) in [
        ([2.5, 1.0], ["row 2", "`count`", ": 2.5"]),
        ([2.0, -3.0], ["row 2", "`price`", ": -3"]),
        ([f64::NAN, 1.0], ["row 2", "`count`", ": nothing"]),
    ] {
        let x = Tensor::from_slice(&[2.0, 1.0, row[0], row[1]]).view([2, 2]);
        let points = Points { x, given: given(0.0, 2) };
        let density = flow.log_density(&points, 1.0).unwrap();
        assert!(density.double_value(&[0]).is_finite() && density.double_value(&[1]).is_infinite());
        let message = flow.encode(&points).unwrap_err().to_string();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
}

#[test]
fn far_conditions_have_finite_samples_or_are_refused() {
    let flow = flow();
    let samples = |age: f64| flow.sample_with(20, &SampleOptions::default().given(given(age, 20)));
    for age in [50.0, -1e3, 1e5] {
        assert!(is_finite(&samples(age).unwrap().points.x), "{age}");
    }
    for age in [1e9, -1e300] {
        let message = samples(age).unwrap_err().to_string();
        assert!(message.contains("row 1") && message.contains(&format!("`age` is: {age}")), "{message}");
    }
}

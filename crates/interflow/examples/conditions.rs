//! Fits y given c to a table of one's own, samples at a chosen condition and scores rows.
//!
//! `cargo run --release -p interflow --example conditions [STEPS]`
#![allow(clippy::print_stdout, reason = "an example prints what it finds")]

use interflow::core::rng::Stream;
use interflow::core::{Given, Points};
use interflow::data::Table;
use interflow::tch::{Kind, Tensor};
use interflow::{FitOptions, SampleOptions, fit};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let steps = std::env::args().nth(1).map(|steps| steps.parse()).transpose()?;
    // y is normal with mean 2c and deviation ½.
    let mut draw = Stream::named(0, "examples/conditions").at(0);
    let c = draw.normal(&[4000, 1], Kind::Double);
    let y = &c * 2.0 + draw.normal(&[4000, 1], Kind::Double) * 0.5;
    let table = Table { columns: Some(vec!["c".into(), "y".into()]), values: Tensor::cat(&[&c, &y], 1) };

    let options = FitOptions { given: vec!["c".into()], steps, ..FitOptions::default() };
    let flow = fit(&table, &options)?;

    let at = |c: f64, n: i64| Given::Numbers(Tensor::full([n, 1], c, (Kind::Double, table.values.device())));
    for c in [-1.0, 0.0, 1.5] {
        let samples = flow.sample_with(500, &SampleOptions::default().given(at(c, 500)).seed(3))?;
        let y = samples.points.x;
        println!(
            "y given c = {c}: mean {:.3} (true {:.3}), deviation {:.3} (true 0.500)",
            y.mean(Kind::Double).double_value(&[]),
            2.0 * c,
            y.std(true).double_value(&[]),
        );
    }
    let rows = Points { x: Tensor::from_slice(&[3.0, 0.0]).view([2, 1]), given: at(1.5, 2) };
    println!(
        "log-densities of y = 3 and y = 0 given c = 1.5: {:?}",
        Vec::<f64>::try_from(flow.log_density(&rows, 1.0)?)?
    );
    Ok(())
}

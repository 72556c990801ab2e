//! Data and a coupling of one's own: points of a helix, to which base points are led in the order of their height.
//!
//! `cargo run --release -p interflow --example own_data [STEPS]`
#![allow(clippy::print_stdout, reason = "an example prints what it finds")]

use interflow::core::coupling::Coupling;
use interflow::core::rng::{Draw, Stream};
use interflow::core::target::DensityConfig;
use interflow::core::{Points, Result};
use interflow::data::{Rows, TableDataset};
use interflow::tch::{Kind, Tensor};
use interflow::{Experiment, ExperimentConfig};

/// The lowest base point of a batch goes with the lowest target point, and so on.
struct ByHeight;

impl Coupling for ByHeight {
    fn pair(&self, x0: Tensor, x1: Points, _draw: &mut Draw) -> Result<(Tensor, Points)> {
        let order = |x: &Tensor| x.select(1, 2).argsort(0, false);
        let rank = order(&x1.x).argsort(0, false);
        let sorted = x0.index_select(0, &order(&x0));
        Ok((sorted.index_select(0, &rank), x1))
    }
}

/// `n` points of a helix of three turns, with a little noise.
fn helix(n: i64, part: &str) -> Tensor {
    let mut draw = Stream::named(0, part).at(0);
    let height = draw.uniform(&[n], Kind::Float) * 4.0 - 2.0;
    let turn = &height * (1.5 * std::f64::consts::PI);
    let curve = Tensor::stack(&[turn.cos(), turn.sin(), height], 1);
    curve + draw.normal(&[n, 3], Kind::Float) * 0.1
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let steps = std::env::args().nth(1).map_or(Ok(2000), |steps| steps.parse())?;
    // The density says nothing here: the data take its place.
    let mut config = ExperimentConfig::synthetic("helix", DensityConfig::TwoMoons {});
    (config.train.steps, config.evaluation.n_test) = (steps, 1000);
    for coupled in [false, true] {
        let [train, held_out] = ["train", "held out"].map(|part| Rows::new(helix(5000, part)));
        let data = TableDataset::new(train?, held_out?, Points::from(helix(1000, "test")))?;
        let mut experiment = Experiment::new(config.clone()).target(Box::new(data));
        if coupled {
            experiment = experiment.coupling(Box::new(ByHeight));
        }
        let trained = experiment.train()?;
        let nats = trained.evaluate()?["test_nll"]["mean"].clone();
        let flow = trained.into_flow();
        let x = flow.sample(1000, 0)?;
        let moved = (flow.encode(&x)? - x).square().sum_dim_intlist(1, false, Kind::Float);
        let cost = moved.mean(Kind::Float).double_value(&[]);
        println!("by height: {coupled}; E|X₁ − X₀|² = {cost:.2}, NLL of test points {nats:.4} nats");
    }
    Ok(())
}

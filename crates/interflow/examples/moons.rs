//! Trains a flow to two moons, samples it, and holds its log-densities against the true ones.
//!
//! `cargo run --release -p interflow --example moons [STEPS]`
#![allow(clippy::print_stdout, reason = "an example prints what it finds")]

use interflow::core::target::DensityConfig;
use interflow::tch::Kind;
use interflow::{Experiment, ExperimentConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let steps = std::env::args().nth(1).map_or(Ok(3000), |steps| steps.parse())?;
    let density = DensityConfig::TwoMoons {};
    let mut config = ExperimentConfig::synthetic("moons", density);
    config.train.steps = steps;

    let trained = Experiment::new(config).train()?;
    if let Some(check) = &trained.check {
        let objective = check.objective();
        println!("held-out objective {:.4} ± {:.4}", objective.mean, objective.standard_error);
    }
    let flow = trained.into_flow();

    let samples = flow.sample(1000, 0)?;
    let own = flow.log_density(&samples, 1.0)?.to_kind(Kind::Double);
    println!(
        "mean log-density of 1000 samples: {:.4} nats under the flow",
        own.mean(Kind::Double).double_value(&[])
    );
    if let Some(truth) = density.build()?.density() {
        let nats = truth.log_density(&samples.to_kind(Kind::Double))?;
        let inside = nats.isfinite();
        let mean = nats.masked_select(&inside).mean(Kind::Double).double_value(&[]);
        println!("{mean:.4} nats under the true density");
    }

    let there_and_back = flow.decode(&flow.encode(&samples)?)?;
    let error = (there_and_back - &samples).abs().max().double_value(&[]);
    println!("encoded and decoded again, the samples are off by at most {error:.1e}");
    Ok(())
}

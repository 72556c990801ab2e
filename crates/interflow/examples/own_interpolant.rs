//! An interpolant of one's own: α and β as the powers of a clock that is slow near the data.
//!
//! `cargo run --release -p interflow --example own_interpolant [STEPS]`
#![allow(clippy::print_stdout, reason = "an example prints what it finds")]

use interflow::core::interpolant::{Interpolant, Schedule, ScheduleCoefficients};
use interflow::core::target::DensityConfig;
use interflow::tch::{Kind, Tensor};
use interflow::{Experiment, ExperimentConfig};

/// `α = (1 − t)²`, `β = 1 − (1 − t)²`: straight lines that arrive with speed 0.
#[derive(Debug)]
struct Landing;

impl Schedule for Landing {
    fn coefficients(&self, t: &Tensor) -> ScheduleCoefficients {
        let left: Tensor = 1.0 - t;
        let alpha = left.square();
        let alpha_dot = left * -2.0;
        let beta: Tensor = 1.0 - &alpha;
        ScheduleCoefficients { beta, beta_dot: -&alpha_dot, alpha, alpha_dot }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let steps = std::env::args().nth(1).map_or(Ok(3000), |steps| steps.parse())?;
    let mut config = ExperimentConfig::synthetic("landing", DensityConfig::EightGaussians {});
    config.train.steps = steps;
    let density = DensityConfig::EightGaussians {}.build()?;

    let path = || Interpolant::new(Landing, None);
    let flow = Experiment::new(config).interpolant(path).train()?.into_flow();
    let samples = flow.sample(2000, 0)?.to_kind(Kind::Double);
    let Some(truth) = density.density() else { return Err("eight Gaussians have a density".into()) };
    let nats = truth.log_density(&samples)?.mean(Kind::Double).double_value(&[]);
    println!(
        "samples have a mean log-density of {nats:.3} nats under the target, the target's own is about -2.84"
    );
    Ok(())
}

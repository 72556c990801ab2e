//! An objective of one's own: a velocity regressed with the Huber loss, which outliers pull less. Its minimiser is not
//! `E[ẋ | x_t]`, so the flow does not quite arrive at the data: the test NLL tells what that costs.
//!
//! `cargo run --release -p interflow --example own_objective [STEPS]`
#![allow(clippy::print_stdout, reason = "an example prints what it finds")]

use interflow::core::target::DensityConfig;
use interflow::tch::{Kind, Reduction};
use interflow::train::objective::{Gradient, HeldOut, Objective, Regression, Setting, TrainingStep};
use interflow::train::{self, TermCheck};
use interflow::{Experiment, ExperimentConfig};

/// `E[huber(v̂ − ẋ)]`, quadratic up to `width` and linear beyond.
struct Huber {
    width: f64,
}

impl Objective for Huber {
    fn check(&self, _setting: &Setting<'_>) -> train::Result<()> {
        Ok(())
    }

    fn gradient(&self, step: &TrainingStep<'_>) -> train::Result<Gradient> {
        step.gradient_of(|part, draw| {
            let value = step.value_of(step.network, part, draw)?;
            Ok(value.huber_loss(&part.path_derivative, Reduction::Mean, self.width))
        })
    }

    fn held_out(&self, held_out: &HeldOut<'_>) -> train::Result<Vec<TermCheck>> {
        let mut term = Regression::new("velocity");
        for batch in held_out.batches() {
            let batch = batch?;
            term.add(&batch.value_of(held_out.network), &batch.path_derivative, &batch);
        }
        Ok(vec![term.check()])
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let steps = std::env::args().nth(1).map_or(Ok(3000), |steps| steps.parse())?;
    let mut config = ExperimentConfig::synthetic("huber", DensityConfig::Checkerboard {});
    config.train.steps = steps;
    let trained = Experiment::new(config).objective(Box::new(Huber { width: 1.0 })).train()?;
    if let Some(check) = &trained.check {
        println!("held-out E[|v|² − 2 ẋ·v] = {:.4}", check.objective().mean);
    }
    let samples = trained.into_flow().sample(1000, 0)?;
    let inside = samples.abs().le(4.0).all_dim(1, false).to_kind(Kind::Double).mean(Kind::Double);
    println!("{:.1} % of the samples lie on the board", 100.0 * inside.double_value(&[]));
    Ok(())
}

//! How the variance of the gradient is distributed over the training times of a run, and what a better distribution of times
//! would gain: one line of JSON for each stratum of times, and one for all.
//!
//! `cargo run --release -p interflow-benches --bin gradient_variance -- configs/power.toml --steps 3000 --data DIR`
//!
//! A batch's times are stratified, so its sixteen parts are sixteen equally likely strata. With v the variance of one row's
//! gradient in a stratum, as many rows for each stratum give the batch's gradient a variance of mean(v)/B. If rows are drawn in
//! proportion to √v and weighted by 1/√v, which is the best law that is constant in these strata for the same mean gradient,
//! it is mean(√v)²/B. Paths with latents in pairs, whose rows depend on each other, are not for this.

#![allow(clippy::print_stdout, reason = "its measurements are its output")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::ensure;
use clap::Parser;
use interflow_flow::{Experiment, ExperimentConfig, config};
use interflow_train::objective::{Gradient, HeldOut, Objective, Setting, TrainingStep};
use interflow_train::{Accumulate, TermCheck, TrainConfig, VelocityMatching};
use tch::{Kind, Tensor};

/// Measures the variance of gradients.
#[derive(Parser)]
struct Args {
    /// The experiment's TOML file.
    config: PathBuf,
    /// The folder that holds the data sets.
    #[arg(long, default_value = "data")]
    data: PathBuf,
    /// Steps of training before the measurement, the whole schedule.
    #[arg(long, default_value_t = 3000)]
    steps: u64,
    /// Steps at the end by which the variance is measured, while the learning rate is next to zero.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(2..))]
    measured: u64,
    /// Overrides of single keys of the config, `KEY=VALUE`.
    #[arg(long)]
    set: Vec<String>,
    /// Threads of a tensor operation.
    #[arg(long, default_value_t = 1)]
    threads: i32,
}

/// Into how many strata times are divided.
const STRATA: usize = 16;

/// The sums over steps of a stratum's gradient and of its square, and the times in it.
#[derive(Default)]
struct Stratum {
    sum: Option<Tensor>,
    squares: f64,
    n: u32,
    times: (f64, f64),
}

/// The velocity's objective, which looks at the last steps' gradients by strata.
struct Watched {
    from: u64,
    strata: Arc<Mutex<Vec<Stratum>>>,
}

impl Objective for Watched {
    fn check(&self, _: &Setting<'_>) -> interflow_train::Result<()> {
        Ok(())
    }

    fn gradient(&self, step: &TrainingStep<'_>) -> interflow_train::Result<Gradient> {
        if step.step >= self.from {
            self.look(step)?;
        }
        VelocityMatching::default().gradient(step)
    }

    fn held_out(&self, held_out: &HeldOut<'_>) -> interflow_train::Result<Vec<TermCheck>> {
        VelocityMatching::default().held_out(held_out)
    }
}

impl Watched {
    fn look(&self, step: &TrainingStep<'_>) -> interflow_train::Result<()> {
        let config = TrainConfig { accumulate: Accumulate::Parts(STRATA as i64), ..step.config.clone() };
        let mut step = *step;
        step.config = &config;
        let mut strata = self.strata.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut draw = step.named_stream("what is dropped in a stratum").at(step.step);
        for (part, stratum) in step.parts()?.iter().zip(strata.iter_mut()) {
            let value = step.value_of(step.network, part, &mut draw)?;
            let loss = VelocityMatching::default().form.loss(&value, &part.path_derivative);
            let of_weights = step.backward(&loss)?.of_weights;
            let flat: Vec<Tensor> =
                of_weights.iter().map(|x| x.to_kind(Kind::Double).reshape([-1])).collect();
            let gradient = Tensor::cat(&flat, 0);
            stratum.n += 1;
            stratum.squares += gradient.square().sum(Kind::Double).double_value(&[]);
            stratum.sum =
                Some(stratum.sum.take().map_or_else(|| gradient.shallow_clone(), |sum| sum + &gradient));
            let end = |x: Tensor| x.double_value(&[]);
            stratum.times = (end(part.t.min()), end(part.t.max()));
        }
        Ok(())
    }
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    interflow_libtorch::keep_freed_memory();
    tch::set_num_threads(args.threads);
    let text = std::fs::read_to_string(&args.config)?;
    let mut config: ExperimentConfig = config::parse(&text, &args.config.display().to_string(), &args.set)?;
    config.train.steps = args.steps;
    let strata: Arc<Mutex<Vec<Stratum>>> =
        Arc::new(Mutex::new((0..STRATA).map(|_| Stratum::default()).collect()));
    let watched = Watched { from: args.steps.saturating_sub(args.measured), strata: strata.clone() };
    let batch = config.train.batch;
    ensure!(batch % STRATA as i64 == 0, "a batch of {batch} does not divide into {STRATA} strata");
    Experiment::new(config).data(&args.data).objective(Box::new(watched)).train()?;
    let strata = strata.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    ensure!(
        strata.iter().all(|stratum| stratum.n > 1),
        "training ended before there was anything to measure"
    );
    // Of one row, and without the bias of n steps.
    let variance = |stratum: &Stratum| {
        let n = f64::from(stratum.n);
        let mean =
            stratum.sum.as_ref().map_or(0.0, |sum| (sum / n).square().sum(Kind::Double).double_value(&[]));
        (stratum.squares / n - mean) * n / (n - 1.0) * batch as f64 / STRATA as f64
    };
    let variances: Vec<f64> = strata.iter().map(variance).collect();
    for (stratum, variance) in strata.iter().zip(&variances) {
        println!(
            "{}",
            serde_json::json!({ "from": stratum.times.0, "to": stratum.times.1, "variance": variance })
        );
    }
    let mean = |f: fn(f64) -> f64| variances.iter().map(|v| f(*v)).sum::<f64>() / STRATA as f64;
    let (now, best) = (mean(|v| v), mean(f64::sqrt).powi(2));
    println!("{}", serde_json::json!({ "now": now, "best": best, "ratio": best / now }));
    Ok(())
}

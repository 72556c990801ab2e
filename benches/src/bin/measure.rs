//! The measurements that `pytorch/mlp.py` takes of PyTorch, taken of Interflow: one line of JSON each on stdout.
//!
//! `cargo run --release -p interflow-benches --bin measure -- train --threads 1`

#![allow(clippy::print_stdout, reason = "its measurements are its output")]

use std::path::PathBuf;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use interflow_benches::{SIZES, mlp, points, step_secs};
use interflow_core::density::StandardNormal;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Given, Network};
use interflow_solvers::{Divergence, SolverConfig, log_density};
use interflow_train::MixedPrecision;
use tch::{Kind, Tensor};

/// Takes measurements.
#[derive(Parser)]
struct Args {
    /// What to measure.
    what: What,
    /// Threads of a tensor operation.
    #[arg(long, default_value_t = 1)]
    threads: i32,
    /// Only measurements whose name holds this.
    #[arg(long, default_value = "")]
    only: String,
    /// The tolerance of the solves, relative and absolute.
    #[arg(long, default_value_t = 1e-5)]
    tolerance: f64,
    /// Writes the weights of the networks of `solve` to this folder, for PyTorch.
    #[arg(long)]
    weights: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum What {
    /// Steps of training at every size, in both precisions.
    Train,
    /// Sampling, and exact and estimated log-densities.
    Solve,
}

fn main() {
    let args = Args::parse();
    if let What::Train = args.what { train(&args) } else { solve(&args) }
}

/// Prints a measurement.
fn say(name: &str, peer: &str, seconds: f64, more: serde_json::Value) {
    let mut line = serde_json::json!({ "name": name, "peer": peer, "threads": tch::get_num_threads(), "seconds": seconds });
    if let (Some(line), serde_json::Value::Object(more)) = (line.as_object_mut(), more) {
        line.extend(more);
    }
    println!("{line}");
}

fn train(args: &Args) {
    for size in SIZES.into_iter().filter(|size| size.name().contains(&args.only)) {
        for (peer, precision) in
            [("Interflow f32", MixedPrecision::Off), ("Interflow bf16", MixedPrecision::Bf16)]
        {
            let mut trainer = size.trainer(precision);
            tch::set_num_threads(args.threads);
            say(&size.name(), peer, step_secs(&mut trainer), serde_json::Value::Null);
        }
    }
}

fn solve(args: &Args) {
    let solver = SolverConfig { rtol: args.tolerance, atol: args.tolerance, ..SolverConfig::default() };
    let solver = solver.build().expect("a valid solver");
    let tight =
        SolverConfig { rtol: 1e-7, atol: 1e-7, ..SolverConfig::default() }.build().expect("a valid solver");
    let network = network(args, 2, 256, 3);
    let field = network.at(&Given::Nothing);
    let (_, x) = points(10_000, 2);
    let sample = || solver.solve(&field, &x, 0.0, 1.0).expect("finite states");
    let name = "solve/sample/3x256-d2-n10000";
    if name.contains(&args.only) {
        let exact = tight.solve(&field, &x, 0.0, 1.0).expect("finite states").x;
        let (found, seconds) = timed(sample);
        let error = (found.x - exact).square().mean(Kind::Double).sqrt().double_value(&[]);
        say(name, "Interflow", seconds, serde_json::json!({ "calls": found.statistics.nfe, "error": error }));
    }
    let network = network_of_43(args);
    let field = network.at(&Given::Nothing);
    let (_, x) = points(1000, 43);
    let probes = Stream::new(0, Purpose::Probe).sign_rows(0, 1000, 43, Kind::Float);
    for (way, divergence) in [("exact", Divergence::Exact), ("hutchinson", Divergence::Hutchinson { probes })]
    {
        let name = format!("solve/log-density/4x512-d43-n1000/{way}");
        if !name.contains(&args.only) {
            continue;
        }
        let (found, seconds) = timed(|| {
            log_density(&solver, &field, &StandardNormal { dim: 43 }, &divergence, &x, 1.0)
                .expect("finite states")
        });
        let mean = found.log_density.mean(Kind::Double).double_value(&[]);
        // Against a tighter solve of a hundred of the rows.
        let few = match &divergence {
            Divergence::Hutchinson { probes } => Divergence::Hutchinson { probes: probes.narrow(0, 0, 100) },
            Divergence::Exact => Divergence::Exact,
        };
        let base = StandardNormal { dim: 43 };
        let exact =
            log_density(&tight, &field, &base, &few, &x.narrow(0, 0, 100), 1.0).expect("finite states");
        let difference = found.log_density.narrow(0, 0, 100) - exact.log_density;
        let error = difference.square().mean(Kind::Double).sqrt().double_value(&[]);
        let more = serde_json::json!({
            "calls": found.statistics.nfe,
            "with_divergence": found.statistics.nfe_with_integrals,
            "mean": mean,
            "error": error,
        });
        say(&name, "Interflow", seconds, more);
    }
}

fn network_of_43(args: &Args) -> Box<dyn Network> {
    network(args, 43, 512, 4)
}

/// A perceptron, its weights written where they are asked for.
fn network(args: &Args, dim: i64, width: i64, n_layers: usize) -> Box<dyn Network> {
    let network = mlp(dim, width, n_layers);
    tch::set_num_threads(args.threads);
    if let Some(folder) = &args.weights {
        let weights: Vec<(&str, Tensor)> =
            network.parameters().iter().map(|(name, weight)| (name, weight.detach())).collect();
        std::fs::create_dir_all(folder).expect("a folder");
        let file = folder.join(format!("{n_layers}x{width}-d{dim}.safetensors"));
        Tensor::write_safetensors(&weights, file).expect("a file");
    }
    network
}

/// What `body` returns and the median time of three calls.
fn timed<T>(body: impl Fn() -> T) -> (T, f64) {
    let once = || {
        let start = Instant::now();
        (body(), start.elapsed().as_secs_f64())
    };
    let mut rounds = [once(), once(), once()];
    rounds.sort_by(|a, b| a.1.total_cmp(&b.1));
    let [_, median, _] = rounds;
    median
}

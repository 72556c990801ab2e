//! The cost of a training step as work grows: with the batch, the width and the dimension, in both precisions.
//!
//! `cargo run --release -p interflow-benches --bin scale -- --threads 2 --out scale` prints a table and draws
//! `scale-batch.png`, `scale-width.png` and `scale-dim.png`. Each case is a process of its own, so that its peak of memory
//! is its own.

#![allow(clippy::print_stdout, reason = "its measurements are its output")]

use std::path::PathBuf;
use std::process::Command;

use clap::Parser;
use interflow_benches::{Size, step_secs};
use interflow_figure::{Series, curve_image};
use interflow_train::MixedPrecision;
use serde::{Deserialize, Serialize};

/// Measures training steps of growing size.
#[derive(Parser)]
struct Args {
    /// Threads of a tensor operation.
    #[arg(long, default_value_t = 1)]
    threads: i32,
    /// What the pictures' names begin with.
    #[arg(long, default_value = "scale")]
    out: PathBuf,
    /// One case, as a child of this program is told: layers, width, dimension, batch.
    #[arg(long, num_args = 4, hide = true)]
    case: Vec<i64>,
}

/// What one case took.
#[derive(Serialize, Deserialize)]
struct Cost {
    f32_ms: f64,
    bf16_ms: f64,
    /// The process's peak, in MiB.
    peak_mib: f64,
}

const BASE: Size = Size { n_layers: 3, width: 256, dim: 2, batch: 1024 };

fn main() {
    let args = Args::parse();
    if let &[n_layers, width, dim, batch] = args.case.as_slice() {
        let cost = measured(Size { n_layers: n_layers as usize, width, dim, batch }, args.threads);
        println!("{}", serde_json::to_string(&cost).expect("plain numbers"));
        return;
    }
    println!("| what grows | to | f32 | bf16 | peak of memory |\n|---|---|---|---|---|");
    let batches = [256, 1024, 4096, 16_384, 65_536].map(|batch| (batch, Size { batch, ..BASE }));
    let widths = [64, 128, 256, 512, 1024, 2048].map(|width| (width, Size { width, ..BASE }));
    let dims = [2, 8, 32, 128, 512, 3072].map(|dim| (dim, Size { dim, ..BASE }));
    sweep(&args, "batch", &batches);
    sweep(&args, "width", &widths);
    sweep(&args, "dim", &dims);
}

/// Measures, prints and draws one sweep.
fn sweep(args: &Args, what: &str, cases: &[(i64, Size)]) {
    let (mut single, mut half) = (Vec::new(), Vec::new());
    for &(value, size) in cases {
        let Cost { f32_ms, bf16_ms, peak_mib } = in_a_process(size, args.threads);
        println!("| {what} | {value} | {f32_ms:.3} ms | {bf16_ms:.3} ms | {peak_mib:.0} MiB |");
        let x = (value as f64).log2();
        single.push((x, f32_ms.log10()));
        half.push((x, bf16_ms.log10()));
    }
    let series: [Series; 2] = [("f32".to_owned(), single), ("bf16".to_owned(), half)];
    let figure = curve_image(&series, &format!("log₂ of the {what}"), "log₁₀ of the step's time in ms");
    let file = format!("{}-{what}", args.out.display());
    std::fs::write(format!("{file}.png"), figure.png().expect("a picture")).expect("a file");
    std::fs::write(format!("{file}.svg"), figure.svg().expect("a drawing")).expect("a file");
}

fn in_a_process(size: Size, threads: i32) -> Cost {
    let program = std::env::current_exe().expect("this program");
    let numbers = [size.n_layers as i64, size.width, size.dim, size.batch].map(|number| number.to_string());
    let output =
        Command::new(program).args(["--threads", &threads.to_string(), "--case"]).args(numbers).output();
    serde_json::from_slice(&output.expect("a child").stdout).expect("a child's line")
}

fn measured(size: Size, threads: i32) -> Cost {
    let ms = |precision| {
        let mut trainer = size.trainer(precision);
        tch::set_num_threads(threads);
        step_secs(&mut trainer) * 1e3
    };
    let (f32_ms, bf16_ms) = (ms(MixedPrecision::Off), ms(MixedPrecision::Bf16));
    Cost { f32_ms, bf16_ms, peak_mib: peak_mib() }
}

/// The peak of this process's memory, where the system tells it.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1024.0)
}

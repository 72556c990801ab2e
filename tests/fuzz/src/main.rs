//! `cargo xtask fuzz`: reads damaged inputs for as long as one likes, and keeps those that do harm.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use interflow_core::atomic;
use interflow_fuzz::readers::{self, ALL};
use interflow_fuzz::{Campaign, Fault, Reader, worker};

/// Reads damaged inputs, and keeps those that make a reader panic, die, hang or take gigabytes.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The readers, all without it.
    #[arg(value_name = "READER")]
    readers: Vec<String>,
    /// Inputs of each reader.
    #[arg(long, default_value_t = 100_000)]
    count: u64,
    /// The number of the first input.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// The seed of all inputs.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where inputs that do harm are kept.
    #[arg(long, default_value = "fuzz-faults")]
    out: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Reads some inputs in this process (used by the search itself).
    #[command(hide = true)]
    Work { reader: String, seed: u64, first: u64, end: u64 },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.command {
        Some(Command::Work { reader, seed, first, end }) => work(reader, *seed, *first..*end),
        None => search(&arguments),
    };
    match outcome {
        Ok(0) => ExitCode::SUCCESS,
        Ok(n_faults) => {
            eprintln!("error: {n_faults} inputs did harm; they are in {}", arguments.out.display());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn work(reader: &str, seed: u64, numbers: std::ops::Range<u64>) -> Result<usize> {
    std::panic::set_hook(Box::new(|_| {}));
    let reader = readers::named(reader)?;
    // What whole inputs are made of may be larger than what is read.
    reader.inputs(seed)?;
    worker::bound_memory();
    worker::work(reader, seed, numbers, &mut std::io::stdout().lock())?;
    Ok(0)
}

fn search(arguments: &Arguments) -> Result<usize> {
    let readers = match &arguments.readers[..] {
        [] => ALL.to_vec(),
        names => names.iter().map(|name| readers::named(name)).collect::<Result<_>>()?,
    };
    let mut n_faults = 0;
    for reader in readers {
        let (begun, mut said) = (Instant::now(), Instant::now());
        let (seed, first, count) = (arguments.seed, arguments.first, arguments.count);
        let worker = std::env::current_exe().context("where is this program?")?;
        let campaign = Campaign { reader, seed, first, count, worker };
        let faults = campaign.run(|n, n_faults| {
            if said.elapsed() > Duration::from_secs(5) {
                said = Instant::now();
                eprintln!("{}: {n} of {count} inputs, {n_faults} faults", reader.name);
            }
        })?;
        let rate = count as f64 / begun.elapsed().as_secs_f64();
        eprintln!("{}: {count} inputs, {} faults, {rate:.0} inputs/s", reader.name, faults.len());
        keep(&arguments.out, reader, seed, &faults)?;
        n_faults += faults.len();
    }
    Ok(n_faults)
}

/// Writes the inputs that did harm, and says what each did.
fn keep(out: &Path, reader: Reader, seed: u64, faults: &[Fault]) -> Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    std::fs::create_dir_all(out).with_context(|| format!("cannot create the folder: {}", out.display()))?;
    let inputs = reader.inputs(seed)?;
    for Fault { number, kind } in faults {
        let file = out.join(format!("{}-{seed}-{number}", reader.name));
        atomic::write(&file, &inputs.get(*number))
            .with_context(|| format!("cannot keep the input: {}", file.display()))?;
        eprintln!("{}: {kind:?}", file.display());
    }
    Ok(())
}

//! What the driver `benches/gpu/run.py` runs of Interflow where a GPU is: one line of JSON on stdout for each thing found.
//!
//! It is linked against the CPU's libtorch and finds that of a Python torch by the loader's path:
//! `LD_LIBRARY_PATH=…/torch/lib gpu devices`.

#![allow(clippy::print_stdout, reason = "what it finds is its output")]

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use interflow_benches::agreement::{checks, checks_from};
use interflow_benches::devices::Devices;
use interflow_benches::precision::Precision;
use interflow_benches::{SIZES, large_u_net, network, small_u_net, step_secs, trainer};
use interflow_train::{MixedPrecision, Trainer};
use serde::Serialize;
use tch::Device;

/// Finds out what a device does and how fast.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Says what libtorch sees.
    Devices,
    /// Compares what a device computes with the CPU's; fails if they differ.
    Agree(Agree),
    /// Measures training steps on a device, in each precision of products.
    Steps(Steps),
}

#[derive(clap::Args)]
struct Agree {
    /// cpu, cuda or cuda:N.
    #[arg(long, default_value = "cuda", value_parser = device)]
    device: Device,
    /// f64, f32 or tf32.
    #[arg(long, default_value = "f64", value_parser = Precision::named)]
    precision: Precision,
    /// Only from this check on.
    #[arg(long)]
    from: Option<String>,
    /// Only checks whose name holds this.
    #[arg(long, default_value = "")]
    only: String,
    /// Prints the checks' names instead.
    #[arg(long)]
    list: bool,
}

#[derive(clap::Args)]
struct Steps {
    /// The network whose steps are measured.
    what: Network,
    /// cpu, cuda or cuda:N.
    #[arg(long, default_value = "cuda", value_parser = device)]
    device: Device,
    /// Threads of a tensor operation on the CPU.
    #[arg(long, default_value_t = 1)]
    threads: i32,
    /// Images or points of a step of a U-Net.
    #[arg(long, default_value_t = 64)]
    batch: i64,
    /// f32, tf32 or bf16: the kind of products. Without it f32 and bf16, and on a GPU tf32 too, which PyTorch's convolutions in
    /// single precision are in.
    #[arg(long)]
    products: Vec<Products>,
    /// Only measurements whose name holds this.
    #[arg(long, default_value = "")]
    only: String,
}

/// The networks whose steps are measured.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Network {
    /// The perceptrons that `pytorch/mlp.py` has too.
    Mlp,
    /// The U-Net of the benches.
    UNet,
    /// The U-Net of `configs/cifar10.toml`.
    Cifar10,
}

/// The kinds of products.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Products {
    F32,
    Tf32,
    Bf16,
}

impl Products {
    fn precision(self) -> (&'static str, MixedPrecision) {
        match self {
            Self::F32 => ("Interflow f32", MixedPrecision::Off),
            Self::Tf32 => ("Interflow tf32", MixedPrecision::Tf32),
            Self::Bf16 => ("Interflow bf16", MixedPrecision::Bf16),
        }
    }
}

fn main() -> anyhow::Result<ExitCode> {
    match Args::parse().command {
        Command::Devices => say(&Devices::found())?,
        Command::Agree(args) => return agree(&args),
        Command::Steps(args) => steps(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn device(name: &str) -> Result<Device, String> {
    interflow_flow::device::parse(name).map_err(|error| format!("{:#}", anyhow::Error::from(error)))
}

/// Prints a line of JSON.
fn say(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(value)?);
    Ok(())
}

fn agree(args: &Agree) -> anyhow::Result<ExitCode> {
    let checks = args.from.as_ref().map_or_else(|| Ok(checks()), |name| checks_from(name))?;
    let checks = checks.into_iter().filter(|check| check.name().contains(&args.only));
    if args.list {
        checks.for_each(|check| println!("{}", check.name()));
        return Ok(ExitCode::SUCCESS);
    }
    let mut all_agree = true;
    for check in checks {
        let report = check.run(args.precision, args.device);
        all_agree &= report.agrees;
        say(&report)?;
    }
    Ok(if all_agree { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn steps(args: &Steps) -> anyhow::Result<()> {
    let products = match (args.products.as_slice(), args.device) {
        ([], Device::Cpu) => &[Products::F32, Products::Bf16],
        ([], _) => &[Products::F32, Products::Tf32, Products::Bf16][..],
        (asked, _) => asked,
    };
    for (peer, precision) in products.iter().map(|products| products.precision()) {
        for (name, make) in cases(args, precision).into_iter().filter(|(name, _)| name.contains(&args.only)) {
            let mut trainer = make();
            tch::set_num_threads(args.threads);
            let seconds = step_secs(&mut trainer);
            say(&serde_json::json!({
                "name": name,
                "peer": peer,
                "device": interflow_flow::device::name(args.device),
                "threads": args.threads,
                "seconds": seconds,
            }))?;
        }
    }
    Ok(())
}

type Case = (String, Box<dyn FnOnce() -> Trainer>);

/// The runs whose steps are measured, each made when its turn comes.
fn cases(args: &Steps, precision: MixedPrecision) -> Vec<Case> {
    let (device, batch) = (args.device, args.batch);
    let of_images = |name: &str, model| -> Vec<Case> {
        let make = move || trainer(network(&model, 3 * 32 * 32, device), batch, precision);
        vec![(format!("train/step/{name}-b{batch}"), Box::new(make))]
    };
    match args.what {
        Network::UNet => of_images("u-net", small_u_net()),
        Network::Cifar10 => of_images("cifar10", large_u_net()),
        Network::Mlp => SIZES
            .map(|size| -> Case { (size.name(), Box::new(move || size.trainer_on(device, precision))) })
            .into(),
    }
}

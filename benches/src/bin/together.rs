//! The time of a training step of one process, or of several that train together at as many times the batch: one line of JSON
//! for each network on stdout. `pytorch/scaling.py` starts it, and PyTorch's own beside it.

#![allow(clippy::print_stdout, reason = "its measurements are its output")]

use clap::Parser;
use interflow_benches::{SIZES, network, small_u_net, step_secs_of, trainer};
use interflow_libtorch::{Place, ProcessGroup};
use interflow_models::{MlpConfig, ModelConfig};
use interflow_train::MixedPrecision;
use tch::Device;

/// Takes steps in as many processes as the environment says.
#[derive(Parser)]
struct Args {
    /// Threads of a tensor operation.
    #[arg(long, default_value_t = 1)]
    threads: i32,
    /// Only networks whose name holds this.
    #[arg(long, default_value = "")]
    only: String,
    /// About how many seconds each of the five rounds takes.
    #[arg(long, default_value_t = 2.0)]
    round: f64,
}

/// A network, the dimension of its points, and how many of them a process takes a step.
fn cases() -> Vec<(String, ModelConfig, i64, i64)> {
    let perceptron = |size: &interflow_benches::Size| {
        let model = ModelConfig::Mlp(MlpConfig::new(vec![size.width; size.n_layers]));
        (size.name(), model, size.dim, size.batch)
    };
    let mut cases: Vec<_> = SIZES.iter().map(perceptron).collect();
    cases.push(("train/step/u-net-b16".to_owned(), small_u_net(), 3 * 32 * 32, 16));
    cases
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    interflow_libtorch::keep_freed_memory();
    tch::set_num_threads(args.threads);
    let group = Place::of_environment()?.map(ProcessGroup::join).transpose()?;
    let (rank, size) = group.as_ref().map_or((0, 1), |group| (group.rank(), group.size()));
    for (name, model, dim, batch) in cases().into_iter().filter(|(name, ..)| name.contains(&args.only)) {
        let alone = trainer(network(&model, dim, Device::Cpu), batch * size as i64, MixedPrecision::Off);
        let mut trainer = match &group {
            Some(group) => alone.with_group(group.clone())?,
            None => alone,
        };
        let seconds = step_secs_of(&mut trainer, args.round);
        if rank == 0 {
            let peer = "Interflow";
            let line =
                serde_json::json!({ "name": name, "peer": peer, "processes": size, "seconds": seconds });
            println!("{line}");
        }
    }
    Ok(())
}

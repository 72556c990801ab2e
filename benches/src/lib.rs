//! What the benches share: networks, points and training steps of the sizes that matter, on `BENCH_THREADS` threads, one by
//! default; and what is run where a GPU is ([`agreement`], [`devices`]).

pub mod agreement;
pub mod devices;
pub mod precision;

use std::cell::Cell;
use std::time::{Duration, Instant};

use interflow_core::Network;
use interflow_core::coupling::Independent;
use interflow_core::density::StandardNormal;
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Draw, Purpose, Stream};
use interflow_core::source::{Fresh, Source};
use interflow_models::{MlpConfig, ModelConfig, TimeEmbedding, UNetConfig};
use interflow_train::{MixedPrecision, Observer, Problem, TrainConfig, Trainer, VelocityMatching};
use tch::{Device, Kind, Tensor};

/// A training step of a perceptron.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// How many hidden layers the perceptron has.
    pub n_layers: usize,
    /// The width of each hidden layer.
    pub width: i64,
    /// The dimension of the points.
    pub dim: i64,
    /// The pairs of a step.
    pub batch: i64,
}

/// The sizes that are compared with other libraries.
pub const SIZES: [Size; 4] = [
    Size { n_layers: 3, width: 64, dim: 2, batch: 256 },
    Size { n_layers: 3, width: 256, dim: 2, batch: 512 },
    Size { n_layers: 3, width: 256, dim: 2, batch: 4096 },
    Size { n_layers: 4, width: 512, dim: 43, batch: 4096 },
];

impl Size {
    /// The name of its measurement.
    pub fn name(self) -> String {
        let Self { n_layers, width, dim, batch } = self;
        format!("train/step/{n_layers}x{width}-d{dim}-b{batch}")
    }

    /// A run of its steps ([`trainer`]) on the CPU.
    ///
    /// # Panics
    /// If the sizes are not positive.
    pub fn trainer(self, mixed_precision: MixedPrecision) -> Trainer {
        self.trainer_on(Device::Cpu, mixed_precision)
    }

    /// A run of its steps ([`trainer`]) on a device.
    ///
    /// # Panics
    /// If the sizes are not positive, or the device is not there.
    pub fn trainer_on(self, device: Device, mixed_precision: MixedPrecision) -> Trainer {
        let Self { n_layers, width, dim, batch } = self;
        set_threads();
        let model = ModelConfig::Mlp(MlpConfig::new(vec![width; n_layers]));
        trainer(network(&model, dim, device), batch, mixed_precision)
    }
}

/// A run without an end of `network` on independent pairs of standard normal points, the trigonometric path between them.
///
/// # Panics
/// If the batch is not positive.
pub fn trainer(network: Box<dyn Network>, batch: i64, mixed_precision: MixedPrecision) -> Trainer {
    let config = TrainConfig {
        steps: u64::MAX,
        batch,
        mixed_precision,
        validate_every: 0,
        checkpoint_every: 0,
        ..TrainConfig::default()
    };
    let dim = network.space().dim;
    let normal = || -> Box<dyn Source> { Box::new(Fresh(StandardNormal { dim })) };
    let problem = Problem {
        interpolant: Interpolant::trigonometric(),
        coupling: Box::new(Independent),
        base: normal(),
        target: normal(),
        base_density: None,
        held_out_base: normal(),
        held_out_target: normal(),
    };
    Trainer::new(config, problem, network, Box::new(VelocityMatching::default()), 0).expect("a valid trainer")
}

/// A multilayer perceptron of `n_layers` hidden layers of `width` in `dim` dimensions, single precision, with
/// weights that are all different from zero.
///
/// # Panics
/// If the sizes are not positive.
pub fn mlp(dim: i64, width: i64, n_layers: usize) -> Box<dyn Network> {
    set_threads();
    network(&ModelConfig::Mlp(MlpConfig::new(vec![width; n_layers])), dim, Device::Cpu)
}

/// A U-Net for 32 × 32 images in colour: patches of side 2, levels of 64 and 128 channels with two blocks each,
/// attention at 8 × 8; single precision, with weights that are all different from zero.
///
/// # Panics
/// If libtorch cannot allocate it.
pub fn u_net() -> Box<dyn Network> {
    set_threads();
    network(&small_u_net(), 3 * 32 * 32, Device::Cpu)
}

/// The form of [`u_net`].
pub fn small_u_net() -> ModelConfig {
    let config = UNetConfig { patch: 2, attention: vec![8], ..UNetConfig::new([3, 32, 32], 64, vec![1, 2]) };
    ModelConfig::UNet(config)
}

/// The form of `configs/cifar10.toml`: 32 × 32 images in colour, five levels of 256 and 512 channels with two blocks each,
/// linear attention on all of them.
pub fn large_u_net() -> ModelConfig {
    ModelConfig::UNet(UNetConfig {
        linear_attention: vec![32, 16, 8, 4, 2],
        time_embedding: TimeEmbedding::Centred {},
        n_learned_frequencies: 8,
        ..UNetConfig::new([3, 32, 32], 256, vec![1, 2, 2, 2, 2])
    })
}

/// A network for points of dimension `dim` on a device, single precision, with weights that are all different from zero.
///
/// # Panics
/// If the config makes no such network, or the device has no room for it.
pub fn network(model: &ModelConfig, dim: i64, device: Device) -> Box<dyn Network> {
    let mut draw = Stream::new(0, Purpose::Init).at(0);
    let network = model.init(dim, &mut draw, (Kind::Float, device)).expect("a valid config");
    filled(network, &mut draw)
}

/// Takes `BENCH_THREADS` threads, or one, and keeps freed memory, as the program does.
fn set_threads() {
    interflow_libtorch::keep_freed_memory();
    let asked = std::env::var("BENCH_THREADS").ok().and_then(|threads| threads.parse().ok());
    tch::set_num_threads(asked.unwrap_or(1));
}

/// The network with all weights drawn.
fn filled(mut network: Box<dyn Network>, draw: &mut Draw) -> Box<dyn Network> {
    let weights: Vec<(String, Tensor)> = network
        .parameters()
        .iter()
        .map(|(name, weight)| {
            let size = weight.size();
            let fan_in: i64 = size[size.len().min(2) - 1..].iter().product();
            (name.to_owned(), draw.normal(&size, Kind::Float) / (fan_in as f64).sqrt())
        })
        .collect();
    network.parameters_mut().assign(&weights).expect("the same shapes");
    network
}

/// Times `[n]` spread over [0, 1] and standard normal points `[n, dim]`.
pub fn points(n: i64, dim: i64) -> (Tensor, Tensor) {
    let mut draw = Stream::new(1, Purpose::Test).at(0);
    (draw.uniform(&[n], Kind::Float), draw.normal(&[n, dim], Kind::Float))
}

/// The time that `n_steps` training steps take, to the end of the device's work.
///
/// # Panics
/// If the loss is not finite.
pub fn run_for(trainer: &mut Trainer, n_steps: u64) -> Duration {
    let (took, taken) = run_for_about(trainer, n_steps);
    assert_eq!(taken, n_steps);
    took
}

/// The time of about `n_steps` training steps, and their number: processes that train together stop a step later.
fn run_for_about(trainer: &mut Trainer, n_steps: u64) -> (Duration, u64) {
    let device = trainer.network().parameters().device();
    devices::synchronize(device);
    let (first, start) = (trainer.step(), Instant::now());
    trainer.run(&mut Limit(Cell::new(n_steps))).expect("a finite loss");
    devices::synchronize(device);
    (start.elapsed(), trainer.step() - first)
}

/// The median over five rounds of the time of a step in seconds, each of as many steps as take 0.4 seconds.
///
/// # Panics
/// If the loss is not finite.
pub fn step_secs(trainer: &mut Trainer) -> f64 {
    step_secs_of(trainer, 0.4)
}

/// The same with rounds of about so many seconds. Of processes that train together all have to call it; whoever is the first
/// to have taken its steps ends a round.
///
/// # Panics
/// If the loss is not finite, or another process has ended.
pub fn step_secs_of(trainer: &mut Trainer, round: f64) -> f64 {
    let mut timed = |n_steps: u64| {
        let (took, taken) = run_for_about(trainer, n_steps);
        took.as_secs_f64() / taken as f64
    };
    timed(4);
    let n_steps = (round / timed(2)).max(1.0) as u64;
    let mut rounds = [(); 5].map(|()| timed(n_steps));
    rounds.sort_by(f64::total_cmp);
    rounds[2]
}

/// Stops a run after a number of steps.
struct Limit(Cell<u64>);

impl Observer for Limit {
    fn interrupted(&self) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        left == 0
    }
}

#[cfg(test)]
mod tests {
    use interflow_flow::ExperimentConfig;

    use super::*;

    #[test]
    fn the_large_network_is_that_of_the_config() {
        let text = include_str!("../../configs/cifar10.toml");
        let config = ExperimentConfig::from_toml(text, "cifar10.toml", &[]).unwrap();
        assert_eq!(config.model, large_u_net());
        // As many weights as PyTorch's network in pytorch/u_net.py has.
        assert!((large_u_net().n_scalars(3072.into()).unwrap() - 199_317_003.0).abs() < 0.5);
    }
}

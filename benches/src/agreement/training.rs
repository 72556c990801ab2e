//! Training steps of `interflow-train`: objectives, optimisers, the average, preconditioning, and runs that change devices.

use std::collections::BTreeMap;
use std::sync::Arc;

use interflow_core::coupling::Independent;
use interflow_core::density::StandardNormal;
use interflow_core::interpolant::{Gamma, Interpolant, Linear};
use interflow_core::rng::Draw;
use interflow_core::source::{Fresh, Source};
use interflow_core::{Given, Network};
use interflow_libtorch::ProcessGroup;
use interflow_models::{MlpConfig, ModelConfig, VelocityAndDenoiser};
use interflow_solvers::{Method, Sensitivity, SolverConfig};
use interflow_train::{
    Accumulate, Checkpoint, CosineAxes, GaussianResidual, MaximumLikelihood, MixedPrecision, MuonConfig,
    Objective, OptimizerConfig, PrincipalAxes, Problem, Silent, TrainConfig, Trainer, VelocityMatching,
    VelocityWithDenoiser,
};
use tch::{Device, Kind, Tensor};

use super::mathematics::mixture;
use super::networks::small_u_net;
use super::place::draw;
use super::{Check, Found, Place, Tolerance, Values};

pub(super) const CHECKS: &[Check] = &[
    Check::new("train/velocity", velocity).within(Tolerance::Rounding(100.0)),
    Check::new("train/accumulated", accumulated).within(Tolerance::Rounding(100.0)),
    Check::new("train/muon", muon).within(Tolerance::Rounding(100.0)),
    Check::new("train/in-a-group", in_a_group).within(Tolerance::Rounding(100.0)),
    Check::new("train/u-net", u_net).within(Tolerance::Rounding(300.0)),
    Check::new("train/bfloat16", bfloat16).within(Tolerance::Share(1e-1)),
    Check::new("train/velocity-with-denoiser", with_denoiser).within(Tolerance::Rounding(100.0)),
    Check::new("train/likelihood", likelihood).within(Tolerance::Rounding(300.0)),
    Check::new("train/preconditioned", preconditioned).within(Tolerance::Rounding(100.0)),
    Check::new("train/preconditioned-along-cosines", along_cosines).within(Tolerance::Rounding(300.0)),
    Check::new("train/resumed-on-the-device", resumed_on_device).within(Tolerance::Rounding(100.0)),
    Check::new("train/resumed-on-the-cpu", resumed_on_cpu).within(Tolerance::Rounding(100.0)),
];

/// A few steps with all that a config can switch on.
fn config() -> TrainConfig {
    TrainConfig {
        steps: 12,
        batch: 64,
        jitter: 0.01,
        mixed_precision: MixedPrecision::Off,
        warmup_steps: 3,
        clip_norm: Some(5.0),
        ema_decay: Some(0.9),
        validate_every: 0,
        checkpoint_every: 0,
        n_validation: 256,
        ..TrainConfig::default()
    }
}

/// From N(0, I) to a mixture in three dimensions, or to N(0, I) in others.
fn problem(dim: i64, interpolant: Interpolant) -> anyhow::Result<Problem> {
    let normal = || -> Box<dyn Source> { Box::new(Fresh(StandardNormal { dim })) };
    let target = || -> anyhow::Result<Box<dyn Source>> {
        Ok(if dim == 3 { Box::new(Fresh(mixture(0.5)?)) } else { normal() })
    };
    Ok(Problem {
        interpolant,
        coupling: Box::new(Independent),
        base: normal(),
        target: target()?,
        base_density: Some(Arc::new(StandardNormal { dim })),
        held_out_base: normal(),
        held_out_target: target()?,
    })
}

fn mlp(place: Place) -> anyhow::Result<Box<dyn Network>> {
    place.network(&ModelConfig::Mlp(MlpConfig::new(vec![32, 32])), 3)
}

/// What a run leaves: weights, their average, the optimiser's moments and the held-out objective.
fn trained(
    config: TrainConfig,
    network: Box<dyn Network>,
    objective: Box<dyn Objective>,
    interpolant: Interpolant,
) -> Found {
    let problem = problem(network.space().dim, interpolant)?;
    let mut trainer = Trainer::new(config, problem, network, objective, 5)?;
    trainer.run(&mut Silent)?;
    left_by(&trainer)
}

fn left_by(trainer: &Trainer) -> Found {
    let state = trainer.optimizer().state();
    let named = |list: &'static str| {
        move |(name, tensor): &(String, Tensor)| (format!("{list} {name}"), tensor.shallow_clone())
    };
    let mut all: Vec<(String, Tensor)> = Vec::new();
    for (list, network) in [("weight", trainer.network()), ("average", trainer.ema_network())] {
        all.extend(
            network.parameters().iter().map(|(name, tensor)| (format!("{list} {name}"), tensor.detach())),
        );
    }
    all.extend(state.exp_avg.iter().map(named("mean")));
    all.extend(state.exp_avg_sq.iter().map(named("square")));
    let check = trainer.self_check(256)?;
    let values = all.iter().fold(Values::new(), |values, (name, tensor)| values.with(name.clone(), tensor));
    Ok(values.with_number("the held-out objective", check.objective().mean))
}

fn velocity(place: Place) -> Found {
    trained(config(), mlp(place)?, Box::new(VelocityMatching::default()), Interpolant::trigonometric())
}

fn accumulated(place: Place) -> Found {
    let config = TrainConfig { accumulate: Accumulate::Parts(4), ..config() };
    trained(config, mlp(place)?, Box::new(VelocityMatching::default()), Interpolant::trigonometric())
}

fn muon(place: Place) -> Found {
    let optimizer = OptimizerConfig { muon: Some(MuonConfig::default()), ..OptimizerConfig::default() };
    let config = TrainConfig { optimizer, ..config() };
    trained(config, mlp(place)?, Box::new(VelocityMatching::default()), Interpolant::trigonometric())
}

/// Steps of a group of one, with gradients that are exchanged during the backward pass: by NCCL on GPUs.
fn in_a_group(place: Place) -> Found {
    let network = place.network(&ModelConfig::Mlp(MlpConfig::new(vec![1100, 1100])), 3)?;
    let problem = problem(3, Interpolant::trigonometric())?;
    let config = TrainConfig { steps: 4, ..config() };
    let trainer = Trainer::new(config, problem, network, Box::new(VelocityMatching::default()), 5)?;
    let mut trainer = trainer.with_group(ProcessGroup::alone()?)?;
    trainer.run(&mut Silent)?;
    left_by(&trainer)
}

fn u_net(place: Place) -> Found {
    let network = place.network(&ModelConfig::UNet(small_u_net()), small_u_net().dim())?;
    let config = TrainConfig { steps: 4, batch: 16, accumulate: Accumulate::Parts(2), ..config() };
    trained(config, network, Box::new(VelocityMatching::default()), Interpolant::trigonometric())
}

/// Products in bfloat16: the weights after a few small steps.
fn bfloat16(place: Place) -> Found {
    let single = Place { kind: Kind::Float, ..place };
    let config = TrainConfig { steps: 3, mixed_precision: MixedPrecision::Bf16, ..config() };
    let problem = problem(3, Interpolant::trigonometric())?;
    let mut trainer = Trainer::new(config, problem, mlp(single)?, Box::new(VelocityMatching::default()), 5)?;
    trainer.run(&mut Silent)?;
    let weights = trainer.network().parameters();
    Ok(Values::new().with_each("weight", weights.iter()))
}

fn with_denoiser(place: Place) -> Found {
    let both = VelocityAndDenoiser::new(mlp(place)?, mlp(place)?);
    let interpolant = Interpolant::new(Linear, Some(Gamma::Brownian { strength: 1.0 }));
    trained(config(), Box::new(both), Box::new(VelocityWithDenoiser::default()), interpolant)
}

fn likelihood(place: Place) -> Found {
    let solver = SolverConfig { method: Method::Rk4, steps: Some(3), ..SolverConfig::default() };
    let objective = MaximumLikelihood::new(Sensitivity::Direct, &solver)?;
    let config = TrainConfig { steps: 3, jitter: 0.0, ..config() };
    trained(config, mlp(place)?, Box::new(objective), Interpolant::trigonometric())
}

/// The network in the coordinates of the target's Gaussian.
fn preconditioned(place: Place) -> Found {
    let target = mixture(0.5)?;
    let axes = PrincipalAxes::of(&target.means().select(0, 0), &target.covariances().select(0, 0))?;
    let network = GaussianResidual::new(mlp(place)?, Interpolant::trigonometric(), &axes)?;
    let (t, x) = (place.times(40), place.normal(0, &[40, 3]));
    let (value, divergence) = network.value_and_divergence(&t, &x, &Given::Nothing);
    let found = trained(
        config(),
        Box::new(network),
        Box::new(VelocityMatching::default()),
        Interpolant::trigonometric(),
    )?;
    Ok(found.with("the value", &value).with("the divergence", &divergence))
}

fn along_cosines(place: Place) -> Found {
    let mut cosines = CosineAxes::new(small_u_net().shape);
    cosines.add(&place.normal(9, &[50, small_u_net().dim()]))?;
    let network = place.network(&ModelConfig::UNet(small_u_net()), small_u_net().dim())?;
    let network = GaussianResidual::new(network, Interpolant::trigonometric(), &cosines.axes()?)?;
    let config = TrainConfig { steps: 2, batch: 16, ..config() };
    trained(config, Box::new(network), Box::new(VelocityMatching::default()), Interpolant::trigonometric())
}

/// The first half of the steps on the CPU, the second on the device.
fn resumed_on_device(place: Place) -> Found {
    resumed(Place { device: Device::Cpu, ..place }, place)
}

/// The first half on the device, the second on the CPU.
fn resumed_on_cpu(place: Place) -> Found {
    resumed(place, Place { device: Device::Cpu, ..place })
}

fn resumed(first: Place, second: Place) -> Found {
    let run = |place, steps| -> anyhow::Result<Trainer> {
        let config = TrainConfig { steps, ..config() };
        let problem = problem(3, Interpolant::trigonometric())?;
        Ok(Trainer::new(config, problem, mlp(place)?, Box::new(VelocityMatching::default()), 5)?)
    };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("half.safetensors");
    let mut half = run(first, 6)?;
    half.run(&mut Silent)?;
    Checkpoint::save(&file, &half.state(), &BTreeMap::new())?;
    let mut rest = run(second, 12)?;
    rest.restore(&Checkpoint::load(&file)?)?;
    rest.run(&mut Silent)?;
    left_by(&rest)
}

/// A stream of the checks' own, so that what trains beside a network starts alike at every place.
pub(super) fn init() -> Draw {
    draw(2001)
}

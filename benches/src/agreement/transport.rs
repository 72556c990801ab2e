//! `interflow-transport`: couplings, learned paths, a flow's pairs and trajectories.

use interflow_core::coupling::Independent;
use interflow_core::density::StandardNormal;
use interflow_core::interpolant::{GammaConfig, InterpolantConfig, ScheduleKind};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::{Fresh, Source};
use interflow_core::{Given, GivenSpace, Network, Points, Space};
use interflow_models::{MlpConfig, ModelConfig};
use interflow_solvers::SolverConfig;
use interflow_train::{MixedPrecision, Problem, Silent, TrainConfig, Trainer, VelocityMatching};
use interflow_transport::{
    CouplingConfig, LearnablePath, PairedFlow, Pairs, PathAscent, PathConfig, PathFamily, Trajectories,
    discrete_cost, gaussian_path_cost,
};
use tch::Tensor;

use super::mathematics::mixture;
use super::place::draw;
use super::training::init;
use super::{Check, Found, Place, Tolerance, Values};

pub(super) const CHECKS: &[Check] = &[
    Check::new("transport/couplings", couplings),
    Check::new("transport/fourier-path", fourier).within(Tolerance::Rounding(300.0)),
    Check::new("transport/network-path", network_path).within(Tolerance::Rounding(300.0)),
    Check::new("transport/trajectories", trajectories).within(Tolerance::Rounding(100.0)),
    Check::new("transport/reflow", reflow).within(Tolerance::Rounding(1000.0)),
];

/// The pairs themselves: in single precision two costs may be equal to the last bit, and the pairs others.
fn couplings(place: Place) -> Found {
    let (x0, x1) = (place.normal(0, &[64, 3]), place.normal(1, &[64, 3]));
    let classes = draw(2).integers(64, 3).to_device(place.device);
    let kinds = [
        ("exact", CouplingConfig::Exact { block: Some(32) }),
        (
            "sinkhorn",
            CouplingConfig::Sinkhorn { reg: 0.5, max_iterations: 1000, tolerance: 1e-2, block: None },
        ),
        ("mirror", CouplingConfig::Mirror {}),
    ];
    let values = Values::new().with_number("the least cost", discrete_cost(&x0, &x1)?);
    kinds.into_iter().try_fold(values, |values, (name, config)| {
        let target = Points { x: x1.shallow_clone(), given: Given::Class(classes.shallow_clone()) };
        let (paired, target) = config.build()?.pair(x0.shallow_clone(), target, &mut draw(3))?;
        anyhow::ensure!(paired.device() == place.device, "{name}: the pairs are on {:?}", paired.device());
        let cost = (&paired - &target.x).square().sum(None);
        Ok(values.with(format!("{name}: the cost"), &cost).with(format!("{name}: the pairs"), &paired))
    })
}

fn fourier(place: Place) -> Found {
    let base = InterpolantConfig { kind: ScheduleKind::Linear, gamma: Some(GammaConfig::Quadratic {}) };
    learned(place, PathFamily::Fourier { n_modes: 5 }, base)
}

fn network_path(place: Place) -> Found {
    let base = InterpolantConfig { kind: ScheduleKind::Trigonometric, gamma: None };
    learned(place, PathFamily::Network { hidden: vec![16, 16] }, base)
}

/// A path that is searched beside a velocity: its points, its parameters and the weights after some steps of both.
fn learned(place: Place, family: PathFamily, base: InterpolantConfig) -> Found {
    let path = LearnablePath::new(&family, &base, 3, &mut init(), place.options())?;
    let normal = || -> Box<dyn Source> { Box::new(Fresh(StandardNormal { dim: 3 })) };
    let problem = Problem {
        interpolant: path.interpolant(),
        coupling: Box::new(Independent),
        base: normal(),
        target: Box::new(Fresh(mixture(0.5)?)),
        base_density: None,
        held_out_base: normal(),
        held_out_target: Box::new(Fresh(mixture(0.5)?)),
    };
    let config = TrainConfig {
        steps: 12,
        batch: 64,
        mixed_precision: MixedPrecision::Off,
        validate_every: 6,
        checkpoint_every: 0,
        n_validation: 128,
        ..TrainConfig::default()
    };
    let search = PathConfig { start: 2, every: 2, batch: 64, n_samples: 32, ..PathConfig::new(family) };
    let watched = path.interpolant();
    let ascent = PathAscent::new(search, path, config.steps)?;
    let network = place.network(&ModelConfig::Mlp(MlpConfig::new(vec![32])), 3)?;
    let trainer = Trainer::new(config, problem, network, Box::new(VelocityMatching::default()), 4)?;
    let mut trainer = trainer.with_companion(Box::new(ascent))?;
    trainer.run(&mut Silent)?;
    let [x0, x1, z] = [0, 1, 2].map(|index| place.normal(index, &[30, 3]));
    let point = tch::no_grad(|| watched.path(&place.times(30), &x0, &x1, Some(&z)))?;
    let state = trainer.state();
    Ok(Values::new()
        .with("the point", &point.x)
        .with("its derivative", &point.path_derivative)
        .with_each("weight", trainer.network().parameters().iter())
        .with_each("state", state.companion.iter().map(|(name, value)| (name, value))))
}

fn network(place: Place) -> anyhow::Result<Box<dyn Network>> {
    place.network(&ModelConfig::Mlp(MlpConfig::new(vec![32, 32])), 3)
}

fn trajectories(place: Place) -> Found {
    let (network, solver) = (network(place)?, SolverConfig::default().build()?);
    let field = network.at(&Given::Nothing);
    let found = Trajectories::of(&solver, &field, &place.normal(0, &[64, 3]), 16)?;
    let mean = place.put(&Tensor::from_slice(&[1.5, -1.0]));
    let variances = place.put(&Tensor::from_slice(&[0.25, 0.5]));
    let interpolant = InterpolantConfig { kind: ScheduleKind::Trigonometric, gamma: None }.build()?;
    let of_path = gaussian_path_cost(&interpolant, &mean, &variances)?;
    Ok(Values::new()
        .with_number("the cost", found.cost.mean)
        .with_number("the map's cost", found.map_cost.mean)
        .with_number("the straightness", found.straightness.mean)
        .with_number("the length", found.length.mean)
        .with("a path's cost", &of_path))
}

/// A flow's pairs, which are kept in single precision.
fn reflow(place: Place) -> Found {
    let (network, solver) = (network(place)?, SolverConfig::default().build()?);
    let normal = Fresh(StandardNormal { dim: 3 });
    let flow = PairedFlow { network: &*network, solver: &solver, base: &normal, target: &normal, seed: 2 };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("pairs.npy");
    flow.write_pairs(&file, 40, 16, |_| {})?;
    let [base, target] = Pairs::read(&file, Space { dim: 3, given: GivenSpace::Nothing {} })?.training();
    let read = |source: &dyn Source| source.batch(20, 0, &Stream::new(1, Purpose::Target)).x;
    Ok(Values::new().with("the base's points", &read(&*base)).with("the flow's", &read(&*target)))
}

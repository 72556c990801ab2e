//! The max–min training: paths shorten, rest, and resume with the same bits.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use std::path::Path;

use interflow_core::Given;
use interflow_core::coupling::Independent;
use interflow_core::density::{Gaussian, StandardNormal};
use interflow_core::interpolant::{InterpolantConfig, ScheduleKind};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::{Fresh, Source};
use interflow_core::tch::{Device, Kind, Tensor};
use interflow_models::{MlpConfig, TimeEmbedding};
use interflow_solvers::SolverConfig;
use interflow_train::{
    Checkpoint, Error, Observer, OptimizerConfig, Problem, ScheduleConfig, Silent, TrainConfig, Trainer,
    VelocityMatching,
};
use interflow_transport::{
    LearnablePath, PathAscent, PathConfig, PathFamily, Trajectories, gaussian_path_cost, restore_path,
    saved_path,
};

const OPTIONS: (Kind, Device) = (Kind::Float, Device::Cpu);
const BASE: InterpolantConfig = InterpolantConfig { kind: ScheduleKind::Trigonometric, gamma: None };

fn path(family: &PathFamily) -> LearnablePath {
    LearnablePath::new(family, &BASE, 2, &mut Stream::new(3, Purpose::Init).at(1), OPTIONS).unwrap()
}

fn target() -> Gaussian {
    let mean = Tensor::from_slice(&[1.5, -1.0]);
    Gaussian::new(&mean, &Tensor::from_slice(&[0.25, 0.25]).diag(0)).unwrap()
}

fn trainer(search: &PathConfig, steps: u64, seed: u64) -> Trainer {
    let base = || -> Box<dyn Source> { Box::new(Fresh(StandardNormal { dim: 2 })) };
    let ends = || -> Box<dyn Source> { Box::new(Fresh(target())) };
    let path = path(&search.family);
    let problem = Problem {
        interpolant: path.interpolant(),
        coupling: Box::new(Independent),
        base: base(),
        target: ends(),
        base_density: None,
        held_out_base: base(),
        held_out_target: ends(),
    };
    let draw = &mut Stream::new(3, Purpose::Init).at(0);
    // A velocity that cannot follow the path in time invites the path to cheat.
    let time_embedding = TimeEmbedding::fourier(4);
    let network = MlpConfig { time_embedding, ..MlpConfig::new(vec![32, 32]) };
    let network = Box::new(network.init(2, draw, OPTIONS).unwrap());
    let config = TrainConfig {
        steps,
        batch: 256,
        ema_decay: Some(0.98),
        n_validation: 2048,
        validate_every: 50,
        schedule: ScheduleConfig::Cosine {},
        optimizer: OptimizerConfig { learning_rate: 5e-3, beta2: 0.99, ..OptimizerConfig::default() },
        ..TrainConfig::default()
    };
    let ascent = PathAscent::new(search.clone(), path, steps).unwrap();
    let objective = Box::new(VelocityMatching::default());
    let trainer = Trainer::new(config, problem, network, objective, seed).unwrap();
    trainer.with_companion(Box::new(ascent)).unwrap()
}

fn search(family: PathFamily) -> PathConfig {
    PathConfig { start: 100, every: 5, batch: 256, n_samples: 100, ..PathConfig::new(family) }
}

#[derive(Default)]
struct Record(Vec<(u64, Vec<(&'static str, f64)>)>);

impl Record {
    fn last(&self, name: &str) -> f64 {
        let (_, numbers) = self.0.last().unwrap();
        numbers.iter().find(|(other, _)| *other == name).unwrap().1
    }
}

impl Observer for Record {
    fn on_companion(&mut self, step: u64, numbers: &[(&'static str, f64)]) {
        self.0.push((step, numbers.to_vec()));
    }
}

fn saved(trainer: &Trainer, file: &Path) -> Checkpoint {
    Checkpoint::save(file, &trainer.state(), &std::collections::BTreeMap::new()).unwrap();
    Checkpoint::load(file).unwrap()
}

#[test]
fn both_families_shorten_the_transport() {
    // W2² = |m|² + D (1 − s)² = 3.75; the trigonometric path costs π²/8 |m|² and more.
    let folder = tempfile::tempdir().unwrap();
    let (least, mean) = (3.75, Tensor::from_slice(&[1.5, -1.0]));
    let variances = Tensor::from_slice(&[0.25, 0.25]);
    let before = gaussian_path_cost(&BASE.build().unwrap(), &mean, &variances).unwrap().double_value(&[]);
    assert!(before > 1.2 * least);
    for family in [PathFamily::Fourier { n_modes: 5 }, PathFamily::Network { hidden: vec![24, 24] }] {
        let mut trainer = trainer(&search(family.clone()), 1500, 1);
        let mut record = Record::default();
        trainer.run(&mut record).unwrap();
        let x0 = Stream::new(1, Purpose::Sampling).at(0).normal(&[4000, 2], Kind::Float);
        let solver = SolverConfig::default().build().unwrap();
        let found = Trajectories::of(&solver, &trainer.ema_network().at(&Given::Nothing), &x0, 32).unwrap();
        assert!(found.cost.mean < 1.07 * least, "{family:?}: {found:?}");
        assert!(found.cost.mean >= found.map_cost.mean - 1e-3);
        // ∫|v|² = |∫v|² + ∫|v − ∫v|² point by point.
        let sum = found.map_cost.mean + found.straightness.mean;
        assert!((found.cost.mean - sum).abs() < 2e-3, "{found:?}");
        assert!((record.last("transport_cost") - found.cost.mean).abs() < 0.3);
        assert!(record.last("path_at_rest") > 0.5 && record.last("sample_energy_distance") < 0.1);
        // The path in the checkpoint is the one that was learned.
        let checkpoint = saved(&trainer, &folder.path().join("state"));
        let mut restored = path(&family);
        restore_path(restored.parameters_mut(), &checkpoint.companion).unwrap();
        if family.keeps_form() {
            let cost = gaussian_path_cost(&restored.interpolant(), &mean, &variances).unwrap();
            assert!((cost.double_value(&[]) - found.cost.mean).abs() < 0.15, "{cost}, {found:?}");
        }
        // So is the one that is saved by itself.
        let mut again = path(&family);
        restore_path(again.parameters_mut(), &saved_path(&restored)).unwrap();
        for ((name, a), (_, b)) in restored.parameters().iter().zip(again.parameters().iter()) {
            assert!(a.equal(b), "{name}");
        }
    }
}

#[test]
fn a_resumed_search_is_the_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    for family in [PathFamily::Fourier { n_modes: 3 }, PathFamily::Network { hidden: vec![8] }] {
        let search = PathConfig { start: 20, rest_at: 0.8, ..search(family) };
        let mut whole = trainer(&search, 200, 5);
        whole.run(&mut Silent).unwrap();
        let whole = saved(&whole, &folder.path().join("whole"));
        // Before the path rests, and after.
        for stop in [91, 180] {
            let mut half = trainer(&search, 200, 5);
            half.run(&mut StopAt(stop, std::cell::Cell::new(0))).unwrap();
            let half = saved(&half, &folder.path().join("half"));
            assert_eq!(half.step, stop);
            let mut resumed = trainer(&search, 200, 99);
            resumed.restore(&half).unwrap();
            resumed.run(&mut Silent).unwrap();
            let resumed = saved(&resumed, &folder.path().join("resumed"));
            assert!(whole.companion.len() > 4);
            for (whole, resumed) in [(&whole.companion, &resumed.companion), (&whole.model, &resumed.model)] {
                assert_eq!(whole.len(), resumed.len());
                for ((name, a), (other, b)) in whole.iter().zip(resumed) {
                    assert_eq!(name, other);
                    assert!(a.equal(b), "{name} differs after a stop at {stop}");
                }
            }
        }
    }
}

/// Stops before the step after the given one.
struct StopAt(u64, std::cell::Cell<u64>);

impl Observer for StopAt {
    fn interrupted(&self) -> bool {
        self.1.set(self.1.get() + 1);
        self.1.get() > self.0
    }
}

#[test]
fn a_search_that_no_longer_helps_ends_early() {
    // No fall is enough: the first check with a path in motion is the best, and two more end the search.
    let config =
        PathConfig { least_fall: 0.99, patience: Some(2), ..search(PathFamily::Fourier { n_modes: 3 }) };
    let mut trainer = trainer(&config, 400, 1);
    let mut record = Record::default();
    trainer.run(&mut record).unwrap();
    let at_rest: Vec<u64> =
        record.0.iter().filter(|(_, numbers)| numbers[2].1 > 0.5).map(|(step, _)| *step).collect();
    assert_eq!(at_rest, [200, 250, 300, 350, 400]);
}

#[test]
fn states_of_other_searches_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let fourier = search(PathFamily::Fourier { n_modes: 3 });
    let state = saved(&trainer(&fourier, 400, 1), &folder.path().join("state"));
    let mut longer = trainer(&search(PathFamily::Fourier { n_modes: 4 }), 400, 1);
    assert!(longer.restore(&state).is_err());
    let mut network = trainer(&search(PathFamily::Network { hidden: vec![8] }), 400, 1);
    assert!(network.restore(&state).is_err());
    let config = TrainConfig { steps: 5, ..TrainConfig::default() };
    let source = || -> Box<dyn Source> { Box::new(Fresh(StandardNormal { dim: 2 })) };
    let problem = Problem {
        interpolant: BASE.build().unwrap(),
        coupling: Box::new(Independent),
        base: source(),
        target: source(),
        base_density: None,
        held_out_base: source(),
        held_out_target: source(),
    };
    let draw = &mut Stream::new(3, Purpose::Init).at(0);
    let network = Box::new(MlpConfig::new(vec![32, 32]).init(2, draw, OPTIONS).unwrap());
    let objective = Box::new(VelocityMatching::default());
    let mut without = Trainer::new(config, problem, network, objective, 1).unwrap();
    assert!(matches!(without.restore(&state), Err(Error::Mismatch { .. })));
}

#[test]
fn bad_searches_are_refused() {
    let refused = |config: PathConfig| assert!(config.check().is_err(), "{config:?}");
    let good = search(PathFamily::Fourier { n_modes: 3 });
    refused(PathConfig { every: 0, ..good.clone() });
    refused(PathConfig { rest_at: 1.5, ..good.clone() });
    refused(PathConfig { ema_decay: 1.0, ..good.clone() });
    refused(PathConfig { n_samples: 1, ..good.clone() });
    assert!(
        PathAscent::new(good.clone(), path(&good.family), 120).is_err(),
        "it would rest before its start"
    );
    let read = |text: &str| serde_json::from_str::<PathConfig>(text);
    assert!(read(r#"{"family": {"kind": "fourier"}}"#).unwrap().check().is_ok());
    assert!(read(r#"{"family": {"kind": "fourier", "hidden": [3]}}"#).is_err());
    assert!(read(r#"{"family": {"kind": "network"}, "evry": 3}"#).is_err());
}

//! Training steps with each coupling beside the plain one, the path's own step, and assignments, on one thread.

use criterion::{Criterion, criterion_group, criterion_main};
use interflow_benches::{mlp, run_for};
use interflow_core::density::StandardNormal;
use interflow_core::interpolant::{InterpolantConfig, ScheduleKind};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::{Fresh, Source};
use interflow_core::target::Checkerboard;
use interflow_train::{MixedPrecision, Problem, TrainConfig, Trainer, VelocityMatching};
use interflow_transport::{Costs, CouplingConfig, LearnablePath, PathAscent, PathConfig, PathFamily, assign};
use tch::{Device, Kind};

const BATCH: i64 = 1024;
const BASE: InterpolantConfig = InterpolantConfig { kind: ScheduleKind::Trigonometric, gamma: None };

fn trainer(coupling: &CouplingConfig, family: Option<&PathFamily>) -> Trainer {
    let config = TrainConfig {
        // The path's search would last half of that.
        steps: 1_000_000_000,
        batch: BATCH,
        // The same step on every machine.
        mixed_precision: MixedPrecision::Off,
        validate_every: 0,
        checkpoint_every: 0,
        ..TrainConfig::default()
    };
    let draw = &mut Stream::new(0, Purpose::Init).at(1);
    let options = (Kind::Float, Device::Cpu);
    let path =
        family.map(|family| LearnablePath::new(family, &BASE, 2, draw, options).expect("a valid path"));
    let interpolant = match &path {
        Some(path) => path.interpolant(),
        None => BASE.build().expect("a valid interpolant"),
    };
    let base = || -> Box<dyn Source> { Box::new(Fresh(StandardNormal { dim: 2 })) };
    let target = || -> Box<dyn Source> { Box::new(Fresh(Checkerboard)) };
    let problem = Problem {
        interpolant,
        coupling: coupling.build().expect("a valid coupling"),
        base: base(),
        target: target(),
        base_density: None,
        held_out_base: base(),
        held_out_target: target(),
    };
    let steps = config.steps;
    let objective = Box::new(VelocityMatching::default());
    let trainer = Trainer::new(config, problem, mlp(2, 256, 3), objective, 0).expect("a valid trainer");
    match path {
        None => trainer,
        Some(path) => {
            // A step of the path after every one of the velocity.
            let family = path.family().clone();
            let search = PathConfig { start: 0, every: 1, batch: BATCH, ..PathConfig::new(family) };
            let ascent = PathAscent::new(search, path, steps).expect("a valid search");
            trainer.with_companion(Box::new(ascent)).expect("a search beside the velocity")
        }
    }
}

fn training_step(criterion: &mut Criterion) {
    let exact = |block| CouplingConfig::Exact { block: Some(block) };
    let sinkhorn =
        CouplingConfig::Sinkhorn { reg: 0.5, max_iterations: 10_000, tolerance: 0.02, block: Some(128) };
    let plain = CouplingConfig::Independent {};
    let (fourier, network) =
        (PathFamily::Fourier { n_modes: 7 }, PathFamily::Network { hidden: vec![64, 64] });
    for (name, coupling, family) in [
        ("independent", &plain, None),
        ("exact-64", &exact(64), None),
        ("exact-256", &exact(256), None),
        ("exact-1024", &exact(1024), None),
        ("sinkhorn-128", &sinkhorn, None),
        ("path-fourier", &plain, Some(&fourier)),
        ("path-network", &plain, Some(&network)),
    ] {
        let mut trainer = trainer(coupling, family);
        criterion.bench_function(&format!("transport/step/{name}-3x256-d2-b{BATCH}"), |bencher| {
            bencher.iter_custom(|n_steps| run_for(&mut trainer, n_steps));
        });
    }
}

fn assignment(criterion: &mut Criterion) {
    let stream = Stream::new(0, Purpose::Test);
    for n in [64, 256, 1024, 4096] {
        let x0 = Fresh(StandardNormal { dim: 2 }).batch(n, 0, &stream).x;
        let x1 = Fresh(Checkerboard).batch(n, 1, &stream).x;
        let costs = Costs::squared_distances(&x0, &x1).expect("finite points");
        criterion.bench_function(&format!("transport/assign/{n}"), |bencher| {
            bencher.iter(|| assign(&costs).expect("an assignment"));
        });
    }
}

criterion_group! {
    name = transport;
    config = Criterion::default().sample_size(10);
    targets = training_step, assignment
}
criterion_main!(transport);

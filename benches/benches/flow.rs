//! Training step, sampling and log-density at the sizes of the experiments, on one thread.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use interflow_benches::{SIZES, mlp, points, run_for};
use interflow_core::density::StandardNormal;
use interflow_core::field::divergence_by_reverse_mode;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Given, VectorField as _};
use interflow_solvers::{Divergence, SolverConfig, log_density};
use interflow_train::MixedPrecision;
use tch::Kind;

fn training_step(criterion: &mut Criterion) {
    for size in SIZES {
        for (name, precision) in [("f32", MixedPrecision::Off), ("bf16", MixedPrecision::Bf16)] {
            let mut trainer = size.trainer(precision);
            criterion.bench_function(&format!("{}/{name}", size.name()), |bencher| {
                bencher.iter_custom(|n_steps| run_for(&mut trainer, n_steps));
            });
        }
    }
}

fn sampling(criterion: &mut Criterion) {
    let network = mlp(2, 64, 3);
    let solver = SolverConfig::default().build().expect("a valid solver");
    let (_, x) = points(10_000, 2);
    criterion.bench_function("solvers/sample/dopri5-1e-5-10000", |bencher| {
        bencher.iter(|| solver.solve(&network.at(&Given::Nothing), &x, 0.0, 1.0).expect("a finite state"));
    });
}

fn log_densities(criterion: &mut Criterion) {
    let solver = SolverConfig::default().build().expect("a valid solver");
    for dim in [2, 6, 43] {
        let network = mlp(dim, 64, 3);
        let (_, x) = points(1000, dim);
        let probes = Stream::new(0, Purpose::Probe).sign_rows(0, 1000, dim, Kind::Float);
        for (name, divergence) in
            [("exact", Divergence::Exact), ("hutchinson", Divergence::Hutchinson { probes })]
        {
            criterion.bench_function(&format!("solvers/log-density/{name}-d{dim}-1000"), |bencher| {
                bencher.iter(|| {
                    log_density(
                        &solver,
                        &network.at(&Given::Nothing),
                        &StandardNormal { dim },
                        &divergence,
                        &x,
                        1.0,
                    )
                    .expect("a finite state")
                });
            });
        }
    }
}

/// The exact divergence by forward tangents against one backward pass per dimension.
fn divergence(criterion: &mut Criterion) {
    let network = mlp(43, 512, 4);
    let field = network.at(&Given::Nothing);
    let (t, x) = points(1000, 43);
    criterion.bench_function("models/divergence/forward-tangents-4x512-d43-b1000", |bencher| {
        bencher.iter_batched(|| (), |()| field.value_and_divergence(&t, &x), BatchSize::PerIteration);
    });
    criterion.bench_function("models/divergence/backward-passes-4x512-d43-b1000", |bencher| {
        bencher.iter_batched(|| (), |()| divergence_by_reverse_mode(&field, &t, &x), BatchSize::PerIteration);
    });
}

criterion_group! {
    name = flow;
    config = Criterion::default().sample_size(10);
    targets = training_step, sampling, log_densities, divergence
}
criterion_main!(flow);

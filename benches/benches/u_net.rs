//! A small U-Net's forward pass, its training step and Hutchinson's estimate on 64 images of 32 × 32;
//! `pytorch/u_net.py` takes the same steps in PyTorch.

use criterion::{Criterion, criterion_group, criterion_main};
use interflow_benches::{points, run_for, trainer, u_net};
use interflow_core::Given;
use interflow_core::rng::{Purpose, Stream};
use interflow_train::MixedPrecision;
use tch::Kind;

const BATCH: i64 = 64;
const NAME: &str = "u-net-64x1x2-patch2-b64";

fn forward(criterion: &mut Criterion) {
    let network = u_net();
    let (t, x) = points(BATCH, network.space().dim);
    criterion.bench_function(&format!("models/forward/{NAME}"), |bencher| {
        bencher.iter(|| tch::no_grad(|| network.value(&t, &x, &Given::Nothing)));
    });
    let probes = Stream::new(0, Purpose::Probe).sign_rows(0, BATCH, network.space().dim, Kind::Float);
    criterion.bench_function(&format!("models/hutchinson/{NAME}"), |bencher| {
        bencher.iter(|| network.value_and_quadratic_form(&t, &x, &Given::Nothing, &probes));
    });
}

fn training_step(criterion: &mut Criterion) {
    for (name, mixed_precision) in [("f32", MixedPrecision::Off), ("bf16", MixedPrecision::Bf16)] {
        let mut trainer = trainer(u_net(), BATCH, mixed_precision);
        criterion.bench_function(&format!("train/step/{NAME}-{name}"), |bencher| {
            bencher.iter_custom(|n_steps| run_for(&mut trainer, n_steps));
        });
    }
}

criterion_group! {
    name = u_net_benches;
    config = Criterion::default().sample_size(10);
    targets = forward, training_step
}
criterion_main!(u_net_benches);

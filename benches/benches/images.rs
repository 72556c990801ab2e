//! Training batches of images at CIFAR-10's size: made in time, and made ahead of a network's work.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source;
use interflow_data::{ImageShape, ImageSource, Images, Prefetch};
use tch::{Device, Kind, Tensor};

const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
const N: i64 = 10_000;
const BATCH: i64 = 128;
const STREAM: Stream = Stream::new(1, Purpose::Target);
/// The time that a network takes for a batch in the second bench: one core sleeps, another makes batches.
const STEP: Duration = Duration::from_millis(10);

fn images() -> Images {
    tch::set_num_threads(1);
    let pixels = Tensor::arange(N * SHAPE.dim(), (Kind::Int64, Device::Cpu)).remainder(251);
    let pixels = pixels.to_kind(Kind::Uint8).view([N, SHAPE.dim()]);
    Images::new(SHAPE, 256, 10, &pixels, vec![0; N as usize]).expect("a valid set")
}

fn source(images: &Images) -> ImageSource {
    ImageSource::new(images.clone()).flipped().with_classes(0.1)
}

fn batches(criterion: &mut Criterion) {
    let images = images();
    let mut group = criterion.benchmark_group("data/images");
    group.throughput(Throughput::Elements(BATCH as u64));
    let plain = source(&images);
    group.bench_function("batch/3x32x32-b128", |bencher| {
        let mut steps = 0..;
        bencher.iter(|| plain.batch(BATCH, steps.next().unwrap_or_default(), &STREAM));
    });
    let (pixels, quantisation) = (images.pixels(0, BATCH), images.quantisation());
    group.bench_function("dequantise/3x32x32-b128", |bencher| {
        bencher.iter(|| quantisation.dequantise(&pixels, 0, &STREAM));
    });
    let ahead = Prefetch::new(source(&images), NonZeroUsize::MIN, 4).expect("a thread");
    assert_eq!(ahead.batch(BATCH, 7, &STREAM).x, plain.batch(BATCH, 7, &STREAM).x);
    // What is measured is the wait for a batch while a network would work for `STEP`.
    group.bench_function("wait/prefetch-3x32x32-b128", |bencher| {
        bencher.iter_custom(|n_steps| {
            (0..n_steps).fold(Duration::ZERO, |waited, step| {
                let start = Instant::now();
                let _ = black_box(ahead.batch(BATCH, step, &STREAM));
                let wait = start.elapsed();
                std::thread::sleep(STEP);
                waited + wait
            })
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = batches
}
criterion_main!(benches);

//! Batches made ahead are those made in time.

#![allow(clippy::unwrap_used)]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source;
use interflow_core::{Points, Space};
use interflow_data::{ImageShape, ImageSource, Images, Prefetch};
use tch::{Device, Kind, Tensor};

const STREAM: Stream = Stream::new(5, Purpose::Target);
const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

fn source() -> ImageSource {
    let shape = ImageShape { channels: 1, height: 3, width: 4 };
    let pixels = Tensor::arange(7 * 12, (Kind::Int64, Device::Cpu)).view([7, 12]).to_kind(Kind::Uint8);
    ImageSource::new(Images::new(shape, 256, 3, &pixels, (0..7).map(|i| i % 3).collect()).unwrap())
        .flipped()
        .with_classes(0.1)
}

/// In turn, over an epoch's end; after a jump back, as in a resumption; for other n and another stream.
#[test]
fn batches_are_the_same_in_any_order_of_requests() {
    let (plain, ahead) = (source(), Prefetch::new(source(), TWO, 3).unwrap());
    assert_eq!(plain.space(), ahead.space());
    let other = Stream::new(6, Purpose::Target);
    let jumps = [(5, 40, STREAM), (5, 41, STREAM), (4, 42, STREAM), (4, 42, other), (4, u64::MAX / 8, other)];
    let requests = (0..20).chain(3..9).map(|step| (5, step, STREAM)).chain(jumps);
    for (n, step, stream) in requests {
        let (found, expected) = (ahead.batch(n, step, &stream), plain.batch(n, step, &stream));
        assert_eq!(found.x, expected.x, "step {step}");
        assert_eq!(found.given.tensor(), expected.given.tensor(), "step {step}");
    }
}

#[test]
fn rows_are_those_of_the_batch() {
    let (plain, ahead) = (source(), Prefetch::new(source(), TWO, 3).unwrap());
    for step in 0..4 {
        let whole = plain.batch(9, step, &STREAM);
        for rows in [0..9, 0..4, 4..9, 3..5, 2..2] {
            let (first, n) = (rows.start, rows.end - rows.start);
            for source in [&plain as &dyn Source, &ahead] {
                let found = source.rows(9, step, &STREAM, rows.clone());
                assert_eq!(found.x, whole.x.narrow(0, first, n), "{rows:?}");
                assert_eq!(found.given.tensor(), whole.narrow(first, n).given.tensor(), "{rows:?}");
            }
        }
    }
}

/// Counts its batches, and takes its time for each; at one step it panics.
struct Slow {
    n_made: Arc<AtomicU64>,
    pause: Duration,
    bad: u64,
}

impl Source for Slow {
    fn space(&self) -> Space {
        Space::from(1)
    }

    fn batch(&self, n: i64, step: u64, _: &Stream) -> Points {
        std::thread::sleep(self.pause);
        assert_ne!(step, self.bad, "no such step");
        self.n_made.fetch_add(1, Ordering::Relaxed);
        Points::from(Tensor::ones([n, 1], (Kind::Float, Device::Cpu)) * step as f64)
    }
}

fn slow(millis: u64, bad: u64) -> (Slow, Arc<AtomicU64>) {
    let n_made = Arc::new(AtomicU64::new(0));
    (Slow { n_made: n_made.clone(), pause: Duration::from_millis(millis), bad }, n_made)
}

/// Sleeps add up when nothing overlaps, on however few cores.
#[test]
fn making_overlaps_with_use_and_nothing_is_made_twice() {
    let (source, n_made) = slow(20, u64::MAX);
    let ahead = Prefetch::new(source, TWO, 2).unwrap();
    let started = Instant::now();
    for step in 0..10 {
        assert_eq!(ahead.batch(1, step, &STREAM).x.int64_value(&[0, 0]), step as i64);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(started.elapsed() < Duration::from_millis(350), "{:?}", started.elapsed());
    drop(ahead);
    let n_made = n_made.load(Ordering::Relaxed);
    assert!((10..=12).contains(&n_made), "{n_made} batches for 10 steps, 2 ahead");
}

/// The panic comes to the thread that asks for the batch; before it, and in the other worker, all goes on.
#[test]
fn a_failure_is_the_callers_and_hangs_nobody() {
    let (source, _) = slow(1, 4);
    let ahead = Prefetch::new(source, TWO, 2).unwrap();
    for step in 0..4 {
        let _ = ahead.batch(1, step, &STREAM);
    }
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ahead.batch(1, 4, &STREAM)));
    assert!(failed.is_err());
    for step in 5..9 {
        assert_eq!(ahead.batch(1, step, &STREAM).x.int64_value(&[0, 0]), step as i64);
    }
}

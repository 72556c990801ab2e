//! Batches that are made ahead of their use.
//!
//! A batch is a function of (n, step, stream), so worker threads can make the ones of the next steps while the
//! current one is in use.

use std::num::NonZeroUsize;
use std::sync::Arc;

use interflow_core::ahead::Ahead;
use interflow_core::rng::Stream;
use interflow_core::source::Source;
use interflow_core::{Points, Space};

/// A source whose next batches are made on other threads. They end with it.
#[derive(Debug)]
pub struct Prefetch<S> {
    source: Arc<S>,
    /// By size and stream.
    batches: Ahead<(i64, Stream), Points>,
}

impl<S: Source + 'static> Prefetch<S> {
    /// The batches of `source`, those of the next `ahead` steps made by `workers` threads.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn new(source: S, workers: NonZeroUsize, ahead: u64) -> std::io::Result<Self> {
        let source = Arc::new(source);
        let maker = source.clone();
        let batch = move |(n, stream): (i64, Stream), step| maker.batch(n, step, &stream);
        Ok(Self { source, batches: Ahead::new(batch, workers, ahead)? })
    }
}

impl<S: Source> Source for Prefetch<S> {
    fn space(&self) -> Space {
        self.source.space()
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Points {
        self.batches.get((n, *stream), step)
    }
}

//! Batches that are made before they are used.
//!
//! A batch is a function of (n, step, stream), so worker threads can make the ones of the next steps while the
//! current one is in use.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use interflow_core::ahead::Ahead;
use interflow_core::rng::Stream;
use interflow_core::source::Source;
use interflow_core::{Points, Space};

/// The first of some rows, and the one after the last.
type Rows = (i64, i64);

/// A source whose next batches are made on other threads, which end with it.
#[derive(Debug)]
pub struct Prefetch<S> {
    source: Arc<S>,
    /// By size, stream and rows.
    batches: Ahead<(i64, Stream, Rows), Points>,
}

impl<S: Source + 'static> Prefetch<S> {
    /// The batches of `source`. Those of the next `ahead` steps are made by `workers` threads.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn new(source: S, workers: NonZeroUsize, ahead: u64) -> std::io::Result<Self> {
        let source = Arc::new(source);
        let maker = source.clone();
        let rows = move |(n, stream, (first, end)): (i64, Stream, Rows), step| {
            maker.rows(n, step, &stream, first..end)
        };
        Ok(Self { source, batches: Ahead::new(rows, workers, ahead)? })
    }
}

impl<S: Source> Source for Prefetch<S> {
    fn space(&self) -> Space {
        self.source.space()
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Points {
        self.rows(n, step, stream, 0..n)
    }

    fn rows(&self, n: i64, step: u64, stream: &Stream, rows: Range<i64>) -> Points {
        self.batches.get((n, *stream, (rows.start, rows.end)), step)
    }
}

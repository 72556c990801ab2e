//! Batches that are made ahead of their use.
//!
//! A batch is a function of (n, step, stream), so worker threads can make the ones of the next steps while the
//! current one is in use; what comes out is the same to the bit, also after a resumption. Which thread makes a batch
//! is left to chance: a caller whose batch nobody has begun makes it itself and never waits for a place in a queue.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use interflow_core::rng::Stream;
use interflow_core::source::Source;
use interflow_core::{Points, Space};

/// A source whose next batches are made on other threads. They end with it.
#[derive(Debug)]
pub struct Prefetch<S> {
    shared: Arc<Shared<S>>,
    workers: Vec<JoinHandle<()>>,
    ahead: u64,
}

/// What a batch is a function of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    n: i64,
    step: u64,
    stream: Stream,
}

#[derive(Debug)]
struct Shared<S> {
    source: S,
    desk: Mutex<Desk>,
    /// There is something to make, or the end has come.
    wanted: Condvar,
    /// Something was made, or given up.
    made: Condvar,
}

/// Which batches are in which state; a key is in one list at most.
#[derive(Debug, Default)]
struct Desk {
    wanted: VecDeque<Key>,
    in_work: Vec<Key>,
    ready: Vec<(Key, Points)>,
    closed: bool,
}

impl<S: Source + 'static> Prefetch<S> {
    /// The batches of `source`, those of the next `ahead` steps made by `workers` threads.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn new(source: S, workers: NonZeroUsize, ahead: u64) -> std::io::Result<Self> {
        let shared =
            Arc::new(Shared { source, desk: Mutex::default(), wanted: Condvar::new(), made: Condvar::new() });
        let mut own = Self { shared, workers: Vec::new(), ahead };
        for number in 0..workers.get() {
            let shared = own.shared.clone();
            let thread = std::thread::Builder::new().name(format!("prefetch-{number}"));
            own.workers.push(thread.spawn(move || shared.work())?);
        }
        Ok(own)
    }
}

impl<S: Source> Source for Prefetch<S> {
    fn space(&self) -> Space {
        self.shared.source.space()
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Points {
        let key = Key { n, step, stream: *stream };
        let made = self.shared.take(key, self.ahead);
        made.unwrap_or_else(|| self.shared.source.batch(n, step, stream))
    }
}

impl<S> Drop for Prefetch<S> {
    fn drop(&mut self) {
        self.shared.desk().closed = true;
        self.shared.wanted.notify_all();
        for worker in self.workers.drain(..) {
            // One that panicked has nothing left to end.
            let _ = worker.join();
        }
    }
}

impl<S> Shared<S> {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The batch of `key` if a worker has made or begun it, and orders of those of the steps after it.
    fn take(&self, key: Key, ahead: u64) -> Option<Points> {
        let mut desk = self.desk();
        desk.order(key, ahead);
        self.wanted.notify_all();
        loop {
            if let Some(place) = desk.ready.iter().position(|(ready, _)| *ready == key) {
                return Some(desk.ready.swap_remove(place).1);
            }
            if !desk.in_work.contains(&key) {
                return None;
            }
            desk = self.made.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next batch to make, nothing when there will be none.
    fn next(&self) -> Option<Key> {
        let mut desk = self.desk();
        loop {
            if desk.closed {
                return None;
            }
            if let Some(key) = desk.wanted.pop_front() {
                desk.in_work.push(key);
                return Some(key);
            }
            desk = self.wanted.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<S: Source> Shared<S> {
    fn work(&self) {
        while let Some(key) = self.next() {
            let mut order = Order { shared: self, key, batch: None };
            order.batch = Some(self.source.batch(key.n, key.step, &key.stream));
        }
    }
}

impl Desk {
    /// Wants the batches of the `ahead` steps after `key`, and no others.
    fn order(&mut self, key: Key, ahead: u64) {
        let coming = |other: &Key| {
            (other.n, other.stream) == (key.n, key.stream)
                && (key.step..=key.step.saturating_add(ahead)).contains(&other.step)
        };
        self.ready.retain(|(ready, _)| coming(ready));
        // The caller makes the batch of `key` itself rather than wait for its turn.
        self.wanted.retain(|wanted| coming(wanted) && *wanted != key);
        for step in (1..=ahead).map_while(|offset| key.step.checked_add(offset)) {
            let next = Key { step, ..key };
            let known = self.wanted.contains(&next)
                || self.in_work.contains(&next)
                || self.ready.iter().any(|(ready, _)| *ready == next);
            if !known {
                self.wanted.push_back(next);
            }
        }
    }
}

/// A batch in work. However the work ends, also by a panic, who waits for it learns that.
struct Order<'a, S> {
    shared: &'a Shared<S>,
    key: Key,
    batch: Option<Points>,
}

impl<S> Drop for Order<'_, S> {
    fn drop(&mut self) {
        let mut desk = self.shared.desk();
        desk.in_work.retain(|key| *key != self.key);
        if let Some(batch) = self.batch.take() {
            desk.ready.push((self.key, batch));
        }
        self.shared.made.notify_all();
    }
}

//! Values that other threads make before they are used.
//!
//! A value that is a function of a step can be made before the step comes, while the step before is computed. The
//! values are the same to the bit, also after resuming. Which thread makes a value is not determined: if nobody has
//! begun it when it is needed, the caller makes it itself, and never waits for its turn in a queue.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Values by step. Those of the next steps are made on other threads, which end with this object. For each kind K,
/// such as batches of one size, steps have to be asked for in sequence.
///
/// ```
/// use std::num::NonZeroUsize;
///
/// use interflow_core::ahead::Ahead;
///
/// # fn main() -> std::io::Result<()> {
/// let squares = Ahead::new(|offset: u64, step| (step + offset).pow(2), NonZeroUsize::MIN, 2)?;
/// assert_eq!([1, 2, 3].map(|step| squares.get(10, step)), [121, 144, 169]);
/// # Ok(())
/// # }
/// ```
pub struct Ahead<K, V> {
    shared: Arc<Shared<K, V>>,
    workers: Vec<JoinHandle<()>>,
    /// How many steps are made ahead.
    n_steps: u64,
}

/// Makes the value of a kind and a step.
type Make<K, V> = Box<dyn Fn(K, u64) -> V + Send + Sync>;

struct Shared<K, V> {
    make: Make<K, V>,
    desk: Mutex<Desk<K, V>>,
    /// There is something to make, or the end has come.
    wanted: Condvar,
    /// Something was made, or given up.
    made: Condvar,
}

/// What a value is a function of.
type Key<K> = (K, u64);

/// Which values are in which state; a key is in one list at most.
struct Desk<K, V> {
    wanted: VecDeque<Key<K>>,
    in_work: Vec<Key<K>>,
    ready: Vec<(Key<K>, V)>,
    /// The latest step that was asked for.
    latest: Option<Key<K>>,
    closed: bool,
}

impl<K: Copy + Eq + Send + 'static, V: Send + 'static> Ahead<K, V> {
    /// Values that `make` makes from a kind and a step; those of the next `n_steps` steps are made by `workers`
    /// threads.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn new(
        make: impl Fn(K, u64) -> V + Send + Sync + 'static,
        workers: NonZeroUsize,
        n_steps: u64,
    ) -> std::io::Result<Self> {
        let desk = Desk {
            wanted: VecDeque::new(),
            in_work: Vec::new(),
            ready: Vec::new(),
            latest: None,
            closed: false,
        };
        let shared = Arc::new(Shared {
            make: Box::new(make),
            desk: Mutex::new(desk),
            wanted: Condvar::new(),
            made: Condvar::new(),
        });
        let mut own = Self { shared, workers: Vec::new(), n_steps };
        for number in 0..workers.get() {
            let shared = own.shared.clone();
            let thread = std::thread::Builder::new().name(format!("ahead-{number}"));
            own.workers.push(thread.spawn(move || shared.work())?);
        }
        Ok(own)
    }

    /// The value of a step; it also orders the values of the following steps. If making it panics, the caller panics.
    pub fn get(&self, kind: K, step: u64) -> V {
        let made = self.shared.take((kind, step), self.n_steps);
        made.unwrap_or_else(|| (self.shared.make)(kind, step))
    }
}

impl<K, V> Drop for Ahead<K, V> {
    fn drop(&mut self) {
        self.shared.desk().closed = true;
        self.shared.wanted.notify_all();
        for worker in self.workers.drain(..) {
            // One that panicked has nothing left to end.
            let _ = worker.join();
        }
    }
}

impl<K, V> fmt::Debug for Ahead<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ahead").field("n_steps", &self.n_steps).finish_non_exhaustive()
    }
}

impl<K, V> Shared<K, V> {
    fn desk(&self) -> MutexGuard<'_, Desk<K, V>> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq, V> Shared<K, V> {
    /// The value of `key` if a worker has made or begun it, and orders of those of the steps after it.
    fn take(&self, key: Key<K>, n_steps: u64) -> Option<V> {
        let mut desk = self.desk();
        desk.order(key, n_steps);
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

    /// The next key to make the value of, nothing when there will be none.
    fn next(&self) -> Option<Key<K>> {
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

    fn work(&self) {
        while let Some(key) = self.next() {
            let mut order = Order { shared: self, key, value: None };
            order.value = Some((self.make)(key.0, key.1));
        }
    }
}

impl<K: Copy + Eq, V> Desk<K, V> {
    /// Wants the values of the `n_steps` steps after that of `key`, and no others. Who asks for one of as many steps before the
    /// latest, as one of several threads may, wants nothing but that.
    fn order(&mut self, key: Key<K>, n_steps: u64) {
        // The caller makes the value of `key` itself rather than wait for its turn.
        self.wanted.retain(|wanted| *wanted != key);
        let (kind, step) = key;
        let is_late =
            |(of, latest): Key<K>| of == kind && step < latest && latest <= step.saturating_add(n_steps);
        if self.latest.is_some_and(is_late) {
            return;
        }
        self.latest = Some(key);
        let steps = step.saturating_sub(n_steps)..=step.saturating_add(n_steps);
        let may_come = |other: &Key<K>| other.0 == kind && steps.contains(&other.1);
        self.ready.retain(|(ready, _)| may_come(ready));
        self.wanted.retain(may_come);
        for step in (1..=n_steps).map_while(|offset| step.checked_add(offset)) {
            let next = (kind, step);
            let known = self.wanted.contains(&next)
                || self.in_work.contains(&next)
                || self.ready.iter().any(|(ready, _)| *ready == next);
            if !known {
                self.wanted.push_back(next);
            }
        }
    }
}

/// A value in work. However the work ends, also by a panic, who waits for it learns that.
struct Order<'a, K: Copy + Eq, V> {
    shared: &'a Shared<K, V>,
    key: Key<K>,
    value: Option<V>,
}

impl<K: Copy + Eq, V> Drop for Order<'_, K, V> {
    fn drop(&mut self) {
        let mut desk = self.shared.desk();
        desk.in_work.retain(|key| *key != self.key);
        if let Some(value) = self.value.take() {
            desk.ready.push((self.key, value));
        }
        self.shared.made.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As of two threads that prepare steps, each of which needs what is itself made ahead.
    #[test]
    fn who_asks_for_a_later_step_first_has_nothing_made_twice() {
        let made: Arc<Mutex<Vec<u64>>> = Arc::default();
        let record = made.clone();
        let make = move |(): (), step| record.lock().unwrap().push(step);
        let ahead = Ahead::new(make, NonZeroUsize::MIN, 2).unwrap();
        for first in (0..30).step_by(3) {
            ahead.get((), first);
            while !made.lock().unwrap().contains(&(first + 2)) {
                std::thread::yield_now();
            }
            ahead.get((), first + 2);
            ahead.get((), first + 1);
        }
        drop(ahead);
        let mut made = made.lock().unwrap().clone();
        made.sort_unstable();
        assert_eq!(made[..30], (0..30).collect::<Vec<u64>>());
    }
}

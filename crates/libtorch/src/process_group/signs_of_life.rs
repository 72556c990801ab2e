//! Signs of life, by which processes that wait tell one that works from one that is gone.

use std::ffi::{c_char, c_int, c_void};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::Raw;
use crate::call::outcome;
use crate::error::{Error, Result};

unsafe extern "C" {
    fn interflow_store_again(group: *mut c_void, result: *mut *mut c_void) -> *mut c_char;
    fn interflow_store_close(store: *mut c_void);
    fn interflow_store_live(store: *mut c_void, rank: c_int) -> *mut c_char;
    fn interflow_store_signs(store: *mut c_void, size: c_int, counts: *mut i64) -> *mut c_char;
    fn interflow_group_looked(group: *mut c_void);
    fn interflow_group_give_up(group: *mut c_void);
}

/// How often a process gives a sign of life.
const INTERVAL: Duration = Duration::from_secs(1);

/// After how long a silent process counts as gone, once a connection to it has failed: some signs may come late.
const SILENCE: Duration = Duration::from_secs(4);

/// A thread that gives this process's signs of life and watches those of the others.
#[derive(Debug)]
pub(super) struct SignsOfLife {
    rank: usize,
    seen: Arc<Mutex<Seen>>,
    /// Closed to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What is known of the processes.
#[derive(Debug)]
enum Seen {
    /// When each process's last sign was seen first.
    Last(Vec<Instant>),
    /// The store does not answer.
    Nothing,
}

impl SignsOfLife {
    /// Starts to give and to watch signs. A wait of the group's ends when a process has shown none for `timeout`.
    pub(super) fn start(group: Raw, (rank, size): (c_int, c_int), timeout: Duration) -> Result<Self> {
        let mut watch = Watch::new(group, rank, size)?;
        let n = watch.counts.len();
        let seen = Arc::new(Mutex::new(Seen::Last(vec![Instant::now(); n])));
        let (stop, stopped) = channel();
        let shared = seen.clone();
        let work = move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(INTERVAL) {
                if watch.look(&shared).is_none_or(|oldest| oldest.elapsed() > timeout) {
                    // SAFETY: the group outlives this thread: it is left after the thread has ended, or never.
                    unsafe { interflow_group_give_up(watch.group.0) };
                    return;
                }
            }
        };
        let thread = Builder::new().name("signs of life".to_owned()).spawn(work);
        let thread = thread.map_err(|error| Error::Torch {
            operation: "starting a thread for signs of life",
            message: error.to_string(),
        })?;
        let rank = usize::try_from(rank).unwrap_or_default();
        Ok(Self { rank, seen, stop: Some(stop), thread: Some(thread) })
    }

    /// The processes that have shown no sign of life for a while, as far as is known; none if the store does not answer, of
    /// which it is a sign, too, that this process cannot see its own.
    pub(super) fn silent(&self) -> Option<Vec<usize>> {
        match &*self.seen.lock().unwrap_or_else(PoisonError::into_inner) {
            Seen::Nothing => None,
            Seen::Last(last) => {
                let silent = |at: &Instant| at.elapsed() > SILENCE;
                let all: Vec<usize> =
                    last.iter().enumerate().filter(|(_, at)| silent(at)).map(|(rank, _)| rank).collect();
                (!all.contains(&self.rank)).then_some(all)
            }
        }
    }

    /// Ends without waiting for the thread, which may wait for an answer that never comes.
    pub(super) fn abandon(mut self) {
        drop(self.thread.take());
    }

    /// How long it takes at most to know of a process that it is gone.
    pub(super) fn patience() -> Duration {
        SILENCE + 2 * INTERVAL
    }
}

impl Drop for SignsOfLife {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing to say that could be done something about here.
            let _ = thread.join();
        }
    }
}

/// What the thread works with.
struct Watch {
    group: Raw,
    store: Raw,
    rank: c_int,
    size: c_int,
    counts: Vec<i64>,
}

impl Watch {
    fn new(group: Raw, rank: c_int, size: c_int) -> Result<Self> {
        let mut store = std::ptr::null_mut();
        // SAFETY: the group is one that was joined, and `store` outlives the call.
        let message = unsafe { interflow_store_again(group.0, &raw mut store) };
        outcome("connecting to the store", message)?;
        let counts = vec![0; usize::try_from(size).unwrap_or_default()];
        let watch = Self { group, store: Raw(store), rank, size, counts };
        watch.live()?;
        Ok(watch)
    }

    fn live(&self) -> Result<()> {
        // SAFETY: the store is open.
        outcome("a sign of life", unsafe { interflow_store_live(self.store.0, self.rank) })
    }

    /// Gives a sign, notes those of the others, and returns the last one of the process that has been silent longest; none if
    /// the store does not answer.
    fn look(&mut self, seen: &Mutex<Seen>) -> Option<Instant> {
        let mut counts = vec![0; self.counts.len()];
        let found = self.live().and_then(|()| {
            // SAFETY: the store is open, and there is room for as many counts as processes.
            let message = unsafe { interflow_store_signs(self.store.0, self.size, counts.as_mut_ptr()) };
            outcome("watching signs of life", message)
        });
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            // SAFETY: the group outlives this thread, as above.
            Ok(()) => unsafe { interflow_group_looked(self.group.0) },
            Err(_) => *seen = Seen::Nothing,
        }
        let Seen::Last(last) = &mut *seen else { return None };
        for ((at, now), before) in last.iter_mut().zip(&counts).zip(&self.counts) {
            if now != before {
                *at = Instant::now();
            }
        }
        self.counts = counts;
        last.iter().min().copied()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // SAFETY: the store is open, and closed once.
        unsafe { interflow_store_close(self.store.0) };
    }
}

//! Mutexes that outlive panics.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a mutex holds; a panic elsewhere leaves nothing half done in those of this crate.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

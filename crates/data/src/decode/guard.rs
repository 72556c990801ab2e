//! The guard that all decoders of foreign bytes stand behind.
//!
//! A decoder that panics over damaged bytes has found them to be damaged, so its panic becomes an error like any other.
//! The panic hook is one for the whole process; ours is installed once, keeps still on the threads that are inside a
//! guard, and hands all other panics to the hook that was there before.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Once;

use crate::error::{Result, content};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// What `decode` gives, or the error that the file is damaged if it panics.
pub(crate) fn guarded<T>(path: &Path, decode: impl FnOnce() -> Result<T>) -> Result<T> {
    caught(decode)
        .unwrap_or_else(|| Err(content(path, "the file is damaged: its decoder gave up".to_owned())))
}

/// What `decode` gives, nothing if it panics. What it borrowed is in no good state then and has to be dropped.
pub(crate) fn caught<T>(decode: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                before(info);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(decode));
    GUARDED.set(outer);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_that_names_the_file() {
        let numbers = [1, 2];
        let found = |place: usize| guarded(Path::new("a.bin"), || Ok(numbers[place]));
        assert_eq!(found(1).unwrap(), 2);
        assert_eq!(found(2).unwrap_err().to_string(), "a.bin: the file is damaged: its decoder gave up");
        assert!(!GUARDED.get());
    }
}

//! Ctrl-C and SIGTERM: the first asks the work to stop in good order, the second ends the program.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

/// The shell's code for a program ended by SIGINT.
pub(crate) const EXIT_CODE: u8 = 130;

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Starts to listen for SIGINT and SIGTERM.
pub(crate) fn listen() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(EXIT_CODE.into());
        }
    })?;
    Ok(())
}

/// Whether the work shall stop.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// The error of work that can't be done by halves.
///
/// # Errors
/// [`Interrupted`] if the work shall stop.
pub(crate) fn check() -> Result<(), Interrupted> {
    if requested() { Err(Interrupted) } else { Ok(()) }
}

/// A signal stopped the work before its results were written.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted, and the unfinished results are not written")
    }
}

impl std::error::Error for Interrupted {}

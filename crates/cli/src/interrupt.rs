//! Ctrl-C, SIGTERM and a closed terminal: the first signal asks the work to stop in good order, the second ends the program.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use interflow_flow::Cancel;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// The shell's code for a program ended by SIGINT.
pub(crate) const EXIT_CODE: u8 = 130;

/// Starts to listen for SIGINT, SIGTERM and SIGHUP; the token is requested by the first of them. A signal that was ignored
/// when the program started, as `nohup` does with SIGHUP, stays ignored.
pub(crate) fn listen() -> anyhow::Result<Cancel> {
    let requested = Arc::new(AtomicBool::new(false));
    for signal in heard() {
        // In this order: the flag that the first signal raises arms the second. It ends the process on the spot: to
        // leave by the usual way would take libtorch down while its threads still run.
        flag::register_conditional_shutdown(signal, EXIT_CODE.into(), requested.clone())?;
        flag::register(signal, requested.clone())?;
    }
    Ok(Cancel::from(requested))
}

/// A flag that each of these signals raises, for one who passes them on.
pub(crate) fn pass_on() -> anyhow::Result<Arc<AtomicBool>> {
    let raised = Arc::new(AtomicBool::new(false));
    for signal in heard() {
        flag::register(signal, raised.clone())?;
    }
    Ok(raised)
}

/// The signals that are listened for.
fn heard() -> impl Iterator<Item = i32> {
    let ignored = ignored();
    [SIGINT, SIGTERM, SIGHUP].into_iter().filter(move |signal| !is_in(*signal, ignored))
}

/// Whether a mask of signals, whose lowest bit is that of signal 1, has this one.
fn is_in(signal: i32, mask: u64) -> bool {
    mask >> (signal - 1) & 1 == 1
}

/// The signals that the process ignores, as Linux says it; none where the system does not say.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_has_its_signals() {
        assert!(is_in(SIGHUP, 1) && is_in(SIGINT, 0b10) && is_in(SIGTERM, 0x4000));
        assert!(!is_in(SIGHUP, 0x4002));
    }
}

//! The memory that this process can have, and a check that refuses what cannot fit.
//!
//! If an allocation fails, libtorch ends the program, or the system does so later. So code that makes something whose
//! size comes from a file or an argument checks the size here first.

use crate::error::{Error, Result};

/// The largest number of bytes that the process can have: the least of the machine's memory, the limit of its
/// container (cgroup) and its own limit (`ulimit -v`). `None` if the system does not tell.
pub fn limit() -> Option<f64> {
    let known = [
        container(),
        #[cfg(target_os = "linux")]
        Some(machine()),
        #[cfg(unix)]
        own_limit(),
    ];
    known.into_iter().flatten().reduce(f64::min)
}

/// Refuses to make `what`, which needs at least `bytes` of memory, if the process cannot have as much.
///
/// ```
/// use interflow_core::memory;
///
/// assert!(memory::check("a batch", 1e6).is_ok());
/// let message = memory::check("train.batch = 10¹⁸", 8e18).unwrap_err().to_string();
/// assert!(message.starts_with("train.batch = 10¹⁸ needs 8 EB of memory"));
/// ```
///
/// # Errors
/// [`Error::Memory`] with both sizes. If the system does not tell the limit, only more than 10¹⁵ bytes are refused,
/// which no machine has.
pub fn check(what: impl Into<String>, bytes: f64) -> Result<()> {
    let limit = limit().unwrap_or(1e15);
    if bytes <= limit {
        return Ok(());
    }
    Err(Error::Memory { what: what.into(), bytes, limit })
}

/// The machine's memory.
#[cfg(target_os = "linux")]
fn machine() -> f64 {
    let found = rustix::system::sysinfo();
    found.totalram as f64 * f64::from(found.mem_unit)
}

/// The memory of the container that the process runs in, where one has a limit.
fn container() -> Option<f64> {
    let text = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok()?;
    text.trim().parse().ok()
}

/// The limit of the process's own address space, where one is set.
#[cfg(unix)]
fn own_limit() -> Option<f64> {
    rustix::process::getrlimit(rustix::process::Resource::As).current.map(|bytes| bytes as f64)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_some_memory_and_not_all_of_it() {
        let limit = limit().unwrap();
        assert!(limit > 1e6 && check("half of it", limit / 2.0).is_ok());
        let message = check("twice as much", limit * 2.0).unwrap_err().to_string();
        assert!(message.contains("twice as much needs") && message.contains("this machine has"), "{message}");
    }
}

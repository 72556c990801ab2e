//! Reads inputs one by one and says how each went.

use std::io::Write;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::reader::Reader;

/// More memory than a reader may take for an input, in kB.
pub const MOST_KB: u64 = 2 << 20;

/// Reads the inputs of these numbers under `seed`, and writes into `report` a line as each begins, one for each panic and
/// one for the first input that takes too much memory, after which nothing more is read.
///
/// # Errors
/// If an input that is whole is refused, or the report cannot be written.
pub fn work(reader: Reader, seed: u64, numbers: Range<u64>, report: &mut impl Write) -> Result<()> {
    let inputs = reader.inputs(seed)?;
    let before = peak_kb();
    for number in numbers {
        writeln!(report, "begin {number}")?;
        report.flush()?;
        let input = inputs.get(number);
        let folder = folder().context("no folder for inputs")?;
        match catch_unwind(AssertUnwindSafe(|| (reader.read)(&input, folder.path()))) {
            Ok(Err(error)) if number < inputs.n_whole() => {
                return Err(error.context(format!("{} refuses its whole input {number}", reader.name)));
            }
            Ok(_) => {}
            Err(panic) => writeln!(report, "panic {number} {}", message(&*panic))?,
        }
        if peak_kb() > before + MOST_KB {
            writeln!(report, "memory {number}")?;
            return Ok(report.flush()?);
        }
    }
    writeln!(report, "done")?;
    Ok(report.flush()?)
}

/// Lets this process fail where it asks for far more memory than an input may take, instead of the whole machine.
pub fn bound_memory() {
    let bound = Some((size_kb() + 3 * MOST_KB) << 10);
    let hard = getrlimit(Resource::As).maximum;
    // Without the bound the peak is still compared with what may be taken.
    let _ = setrlimit(Resource::As, Rlimit { current: bound, maximum: hard });
}

/// A folder for an input, in memory where there is one: a long search would wear a disk out, and wait for it.
fn folder() -> std::io::Result<tempfile::TempDir> {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message").replace('\n', " ")
}

fn peak_kb() -> u64 {
    status("VmHWM:")
}

fn size_kb() -> u64 {
    status("VmSize:")
}

/// A number of the process's status, 0 where the system has none.
fn status(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

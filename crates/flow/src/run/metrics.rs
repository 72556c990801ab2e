//! The file of a run's numbers, `metrics.jsonl`: one JSON object a line.
//!
//! What was written is never written anew: a resumed run keeps the bytes of the lines that hold for it.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::ops::Deref;

use interflow_core::atomic;
use serde_json::Value;

use super::folder::RunFolder;
use crate::error::{Result, io_error, refuse};

/// What the name of the file ends with that keeps lines which cannot be read.
const DAMAGED: &str = "metrics.damaged";

/// A line of the file with its end.
struct Line<'a> {
    /// Counted from 1.
    number: usize,
    bytes: &'a [u8],
    /// What it holds; none if it cannot be read.
    record: Option<Value>,
}

impl Line<'_> {
    /// Whether it is of a step up to `last`.
    fn is_until(&self, last: u64) -> bool {
        let step = self.record.as_ref().and_then(|record| record["step"].as_u64());
        step.is_some_and(|step| step <= last)
    }

    /// Whether it has an end: the last one has none where a crash tore it.
    fn is_whole(&self) -> bool {
        self.bytes.ends_with(b"\n")
    }
}

/// The lines of a file.
fn lines(bytes: &[u8]) -> impl Iterator<Item = Line<'_>> {
    bytes.split_inclusive(|byte| *byte == b'\n').zip(1..).map(|(bytes, number)| {
        let record = serde_json::from_slice(bytes).ok().filter(|record: &Value| record["step"].is_u64());
        Line { number, bytes, record }
    })
}

/// The bytes of the file, none where there is no file.
fn bytes(folder: &RunFolder) -> Result<Vec<u8>> {
    let path = folder.metrics();
    match std::fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        bytes => bytes.map_err(io_error("read the metrics", &path)),
    }
}

/// The records of a folder's metrics up to step `last`, none where there is no file.
///
/// # Errors
/// [`crate::Error::Io`].
pub(super) fn read(folder: &RunFolder, last: u64) -> Result<Vec<Value>> {
    let bytes = bytes(folder)?;
    Ok(lines(&bytes).filter(|line| line.is_until(last)).filter_map(|line| line.record).collect())
}

/// A file that is locked as long as this lives. The lock is given back by name, not by closing the file: a program that is being
/// started at that moment, by another thread, holds a copy of the open file for an instant.
#[derive(Debug)]
pub(super) struct LockedFile(File);

impl Deref for LockedFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // Closing the file is left to do it where this fails.
        let _ = self.0.unlock();
    }
}

/// The file of a folder's metrics, to append to, with nothing after step `last`: a resumed run writes that again. Lines that
/// cannot be read are moved to a file beside it, with a warning.
pub(super) fn open(folder: &RunFolder, last: u64) -> Result<LockedFile> {
    let before = bytes(folder)?;
    let kept: Vec<u8> = lines(&before)
        .filter(|line| line.is_until(last) && line.is_whole())
        .flat_map(|line| line.bytes)
        .copied()
        .collect();
    if kept != before {
        set_damaged_aside(folder, &before)?;
        folder.write("metrics.jsonl", &kept)?;
    }
    let path = folder.metrics();
    let file = File::options().create(true).append(true).open(&path);
    let file = file.map_err(io_error("write the file", &path))?;
    lock(folder, &file)?;
    Ok(LockedFile(file))
}

/// Refuses a folder in which another process trains: it holds the file of its metrics locked, and the system frees it when
/// the process is gone.
pub(super) fn check_free(folder: &RunFolder) -> Result<()> {
    let Ok(file) = File::options().append(true).open(folder.metrics()) else { return Ok(()) };
    // A lock that others may share: processes that go on with a run together ask at the same moment.
    let asked = LockedFile(file);
    refuse_taken(folder, &asked.try_lock_shared())
}

/// Locks the file as long as it is open. Where files cannot be locked nothing is refused.
fn lock(folder: &RunFolder, file: &File) -> Result<()> {
    refuse_taken(folder, &file.try_lock())
}

fn refuse_taken(folder: &RunFolder, locked: &std::result::Result<(), TryLockError>) -> Result<()> {
    match locked {
        Err(TryLockError::WouldBlock) => refuse(format!(
            "another process trains in this run folder: {}\nhint: wait for its end, or stop it",
            folder.path().display()
        )),
        _ => Ok(()),
    }
}

/// Moves the lines of a file that cannot be read to a file of their own; a torn end is nothing to keep.
fn set_damaged_aside(folder: &RunFolder, bytes: &[u8]) -> Result<()> {
    let damaged: Vec<Line<'_>> =
        lines(bytes).filter(|line| line.record.is_none() && line.is_whole()).collect();
    if damaged.is_empty() {
        return Ok(());
    }
    let path = folder.path().join(DAMAGED);
    let mut all = std::fs::read(&path).unwrap_or_default();
    for line in &damaged {
        all.extend_from_slice(line.bytes);
    }
    atomic::write(&path, &all).map_err(io_error("write the file", &path))?;
    let numbers: Vec<String> = damaged.iter().map(|line| line.number.to_string()).collect();
    tracing::warn!(
        "in {} these lines cannot be read, they are moved to {DAMAGED}: {}",
        folder.metrics().display(),
        numbers.join(", ")
    );
    Ok(())
}

/// Adds `bytes` to the end of a file that was opened to append, all of them or none.
pub(super) fn append(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    let whole = file.metadata()?.len();
    file.write_all(bytes).inspect_err(|_| {
        // Without a part of the bytes the file stays readable; that this failed too is no news.
        let _ = file.set_len(whole);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    /// Processes that go on with a run together ask at the same moment whether it is free, and one that trains says no.
    #[test]
    fn asking_is_no_training() {
        let out = tempfile::tempdir().unwrap();
        let folder = RunFolder::create_named(out.path(), "asked", 0, "", Device::Cpu).unwrap();
        drop(open(&folder, 0).unwrap());
        let asking = File::options().append(true).open(folder.metrics()).unwrap();
        asking.try_lock_shared().unwrap();
        check_free(&folder).unwrap();
        drop(asking);
        let training = open(&folder, 0).unwrap();
        assert!(check_free(&folder).unwrap_err().to_string().contains("another process trains"));
        // As a program holds it that another thread starts just then.
        let copy = training.try_clone().unwrap();
        drop(training);
        check_free(&folder).unwrap();
        drop(copy);
    }
}

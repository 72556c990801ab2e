//! Writing checkpoints while training continues.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::{Builder, JoinHandle};

use crate::checkpoint::Snapshot;
use crate::checkpoints;
use crate::error::{Error, Failure, Result, io_error};
use crate::run_state::RunState;

/// Writes checkpoints into a folder, one after the other, on a thread of its own: training waits only until its state
/// is copied, and not for the digest and the disk. If the process is killed, the checkpoints that were complete
/// remain. Dropping the writer waits for the last checkpoint.
#[derive(Debug)]
pub struct CheckpointWriter {
    folder: PathBuf,
    keep: usize,
    in_work: Option<JoinHandle<Result<()>>>,
}

impl CheckpointWriter {
    /// A writer that keeps the `keep` newest checkpoints in `folder` and removes older ones.
    pub fn new(folder: &Path, keep: usize) -> Self {
        Self { folder: folder.to_owned(), keep, in_work: None }
    }

    /// Begins to write the state of a run and `texts` by name, after waiting for the checkpoint before.
    ///
    /// # Errors
    /// As [`CheckpointWriter::finish`] for the one before; [`Error::Io`] if the folder cannot be made, [`Error::Torch`] if the
    /// state cannot be copied, [`Error::Failed`] if the system refuses a thread.
    pub fn begin(&mut self, state: &RunState<'_>, texts: &BTreeMap<String, String>) -> Result<()> {
        self.finish()?;
        fs::create_dir_all(&self.folder).map_err(io_error("create", &self.folder))?;
        let (folder, keep) = (self.folder.clone(), self.keep);
        let (path, snapshot) = (checkpoints::path_for(&folder, state.step), Snapshot::of(state, texts)?);
        let write = move || {
            snapshot.save(&path)?;
            checkpoints::prune(&folder, keep)
        };
        let thread = Builder::new().name("checkpoint".to_owned()).spawn(write);
        let refused = |source: std::io::Error| failed(source.into());
        self.in_work = Some(thread.map_err(refused)?);
        Ok(())
    }

    /// Reports whether writing the last checkpoint failed, without waiting for it.
    ///
    /// # Errors
    /// As [`CheckpointWriter::finish`], once.
    pub fn check(&mut self) -> Result<()> {
        if self.in_work.as_ref().is_some_and(JoinHandle::is_finished) { self.finish() } else { Ok(()) }
    }

    /// Waits until the last checkpoint is written.
    ///
    /// # Errors
    /// [`Error::Io`] naming the failed operation, [`Error::Torch`] if a tensor cannot be read. An error is returned
    /// once.
    pub fn finish(&mut self) -> Result<()> {
        let Some(thread) = self.in_work.take() else { return Ok(()) };
        thread.join().unwrap_or_else(|_| Err(failed("its thread panicked".into())))
    }
}

impl Drop for CheckpointWriter {
    fn drop(&mut self) {
        // Who wants to know of a failure has asked before.
        let _ = self.finish();
    }
}

fn failed(source: Failure) -> Error {
    Error::Failed { operation: "write a checkpoint", source }
}

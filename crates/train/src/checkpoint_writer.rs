//! Checkpoints that are written beside the training.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::{Builder, JoinHandle};

use crate::checkpoint::Snapshot;
use crate::checkpoints;
use crate::error::{Error, Failure, Result, io_error};
use crate::run_state::RunState;

/// Writes checkpoints into a folder on a thread of its own, one after the other: training waits for a copy of its state, and
/// not for the digest and the disk. A kill at any moment leaves the checkpoints that were whole before. Whoever drops the
/// writer waits for the last one.
#[derive(Debug)]
pub struct CheckpointWriter {
    folder: PathBuf,
    keep: usize,
    in_work: Option<JoinHandle<Result<()>>>,
}

impl CheckpointWriter {
    /// A writer that keeps the `keep` newest checkpoints in `folder`.
    pub fn new(folder: &Path, keep: usize) -> Self {
        Self { folder: folder.to_owned(), keep, in_work: None }
    }

    /// Begins to write a run's state and `texts` by name, once the checkpoint before is written.
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

    /// What has become of the last checkpoint, without waiting for it.
    ///
    /// # Errors
    /// As [`CheckpointWriter::finish`], once.
    pub fn check(&mut self) -> Result<()> {
        if self.in_work.as_ref().is_some_and(JoinHandle::is_finished) { self.finish() } else { Ok(()) }
    }

    /// Waits until the last checkpoint is written.
    ///
    /// # Errors
    /// [`Error::Io`] with what could not be done, [`Error::Torch`] if a tensor cannot be read; once.
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

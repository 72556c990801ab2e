//! What a run had beyond the checkpoint from which it is resumed.
//!
//! A run may be resumed from an earlier checkpoint than its newest, or for more steps than it once had. Its earlier
//! results, and the checkpoints of later steps, then no longer belong to it, and a command that takes the run would
//! mistake them for its newest. They are kept in a folder below the run's own, which is a run folder like any other.

use std::fs;
use std::path::{Path, PathBuf};

use interflow_core::atomic;
use interflow_train::checkpoints;

use super::folder::RunFolder;
use super::training_time;
use crate::error::{Result, io_error};

/// The folder that holds what was superseded.
const SUPERSEDED: &str = "superseded";

/// What says that a run is finished, and what it came to.
const RESULT: &str = "result.json";

/// The results of a finished run. One that is not finished has reports too, which the run that goes on writes anew.
const RESULTS: [&str; 3] = [RESULT, "report.md", "report.html"];

/// What tells how a run came about, of which the superseded one keeps a copy.
const RECORDS: [&str; 4] = ["config.toml", "environment.json", "metrics.jsonl", training_time::FILE];

impl RunFolder {
    /// Moves the results of a run that is resumed, and its checkpoints and figures of steps after `step`, to a run
    /// folder of their own, and warns of it. It does nothing if there are none.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if a file cannot be moved or copied.
    pub fn supersede(&self, step: u64) -> Result<()> {
        let later = self.later(step)?;
        let results = RESULTS.map(PathBuf::from).into_iter().filter(|name| self.path().join(name).is_file());
        let results = results.filter(|_| self.has_result());
        // Results first, then the newest checkpoint: whatever is left if this is cut short says nothing wrong.
        let moved: Vec<PathBuf> = results.chain(later).collect();
        if moved.is_empty() {
            return Ok(());
        }
        let folder = self.unused_folder();
        for name in RECORDS.map(Path::new).into_iter().filter(|name| self.path().join(name).is_file()) {
            let from = self.path().join(name);
            let bytes = fs::read(&from).map_err(io_error("read the file", &from))?;
            let to = made(&folder, name)?;
            atomic::write(&to, &bytes).map_err(io_error("write the file", &to))?;
        }
        for name in &moved {
            let from = self.path().join(name);
            fs::rename(&from, made(&folder, name)?).map_err(io_error("move the file", &from))?;
        }
        tracing::warn!(
            "the run goes on: its results so far, and what it had of later steps than {step}, are kept in {}",
            folder.display()
        );
        Ok(())
    }

    /// Whether the run is finished: it has a result.
    pub fn has_result(&self) -> bool {
        self.path().join(RESULT).is_file()
    }

    /// Checkpoints and sheets of later steps than `step`, relative to the folder, newest first.
    fn later(&self, step: u64) -> Result<Vec<PathBuf>> {
        let checkpoints = checkpoints::list(&self.checkpoints())?.into_iter();
        let mut found: Vec<(u64, PathBuf)> = checkpoints.filter(|(of, _)| *of > step).collect();
        if found.is_empty() {
            // Without a checkpoint beyond, it is the same run, which draws the same again.
            return Ok(Vec::new());
        }
        for entry in fs::read_dir(self.figures()).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let of = name.strip_prefix("samples-").and_then(|rest| rest.strip_suffix(".png"));
            if let Some(of) = of.and_then(|of| of.parse().ok()).filter(|of| *of > step) {
                found.push((of, entry.path()));
            }
        }
        let relative = |path: PathBuf| path.strip_prefix(self.path()).map(Path::to_owned).unwrap_or(path);
        Ok(found.into_iter().map(|(_, path)| relative(path)).collect())
    }

    /// The first of the numbered folders that does not exist yet.
    fn unused_folder(&self) -> PathBuf {
        let folders = (1u64..).map(|number| self.path().join(SUPERSEDED).join(number.to_string()));
        folders.into_iter().find(|folder| !folder.exists()).unwrap_or_else(|| self.path().join(SUPERSEDED))
    }
}

/// The place of the file `name` in `folder`, whose folders are made.
fn made(folder: &Path, name: &Path) -> Result<PathBuf> {
    let path = folder.join(name);
    let parent = path.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(io_error("create the folder", parent))?;
    Ok(path)
}

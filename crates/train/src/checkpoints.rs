//! Folders of checkpoints: the names, order and removal of their files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Result, io_error};

const PREFIX: &str = "step-";
const SUFFIX: &str = ".safetensors";

/// The path of the checkpoint of step `step` in `folder`.
pub fn path_for(folder: &Path, step: u64) -> PathBuf {
    folder.join(format!("{PREFIX}{step:010}{SUFFIX}"))
}

/// The steps and paths of the checkpoints in `folder`, newest first; empty if there is no such folder.
///
/// # Errors
/// [`crate::Error::Io`] if the folder cannot be read.
pub fn list(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error("read", folder))? {
        let path = entry.map_err(io_error("read", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let step = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
        if let Some(step) = step.and_then(|step| step.parse().ok()) {
            found.push((step, path));
        }
    }
    found.sort_by(|a, b| b.cmp(a));
    Ok(found)
}

/// Removes all checkpoints in `folder` but the `keep` newest: 2 keeps the latest and the one before.
///
/// # Errors
/// [`crate::Error::Io`] if the folder cannot be read or a file not removed.
pub fn prune(folder: &Path, keep: usize) -> Result<()> {
    for (_, path) in list(folder)?.into_iter().skip(keep) {
        fs::remove_file(&path).map_err(io_error("remove", &path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        for step in [5, 100, 20] {
            fs::write(path_for(folder.path(), step), "").unwrap();
        }
        fs::write(folder.path().join("notes.txt"), "").unwrap();
        prune(folder.path(), 2).unwrap();
        let steps: Vec<u64> = list(folder.path()).unwrap().into_iter().map(|(step, _)| step).collect();
        assert_eq!(steps, [100, 20]);
    }
}

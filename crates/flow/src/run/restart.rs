//! The run folder of processes that their launcher starts again: they go on where the ones before them were.

use std::path::PathBuf;

use interflow_libtorch::ProcessGroup;

use super::folder::RunFolder;
use crate::checkpoint;
use crate::error::Result;

/// The name under which the folder is kept.
const NAME: &str = "run folder";

/// Tells the processes of later attempts where the run is written.
///
/// # Errors
/// [`crate::Error::Kernel`] if the store does not answer.
pub(crate) fn remember(group: &ProcessGroup, folder: Option<&RunFolder>) -> Result<()> {
    if let Some(folder) = folder {
        group.set_lasting(NAME, folder.path().as_os_str().as_encoded_bytes())?;
    }
    Ok(())
}

/// The run folder of the attempt before this one, if it has a checkpoint to go on from. All processes find the same.
pub(crate) fn remembered(group: &ProcessGroup) -> Option<PathBuf> {
    if group.place().attempt() == 0 {
        return None;
    }
    let folder = PathBuf::from(String::from_utf8(group.lasting(NAME)?).ok()?);
    checkpoint::find(&folder).is_ok().then(|| {
        tracing::info!("started again, the run goes on in {}", folder.display());
        folder
    })
}

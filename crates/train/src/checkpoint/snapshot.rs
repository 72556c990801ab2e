//! A run's state at a moment, apart from the run.

use std::collections::BTreeMap;
use std::path::Path;

use interflow_core::atomic;
use tch::{Device, Tensor};

use super::contents;
use super::format::Contents;
use crate::error::{Error, Result, io_error};
use crate::run_state::RunState;

/// A copy of a run's state on the CPU, to be written to a file while the run goes on.
#[derive(Debug)]
pub(crate) struct Snapshot {
    contents: Contents,
}

impl Snapshot {
    /// A copy of a state, and `texts` by name.
    ///
    /// # Errors
    /// [`Error::Torch`] if a tensor cannot be copied.
    pub(crate) fn of(state: &RunState<'_>, texts: &BTreeMap<String, String>) -> Result<Self> {
        let mut contents = contents(state, texts);
        for tensor in contents.tensors.values_mut() {
            *tensor = copy(tensor)?;
        }
        Ok(Self { contents })
    }

    /// Writes it to `path`, in a folder that is there, as [`super::Checkpoint::save`] does.
    ///
    /// # Errors
    /// [`Error::Io`] with what could not be done, [`Error::Torch`] if a tensor cannot be read.
    pub(crate) fn save(self, path: &Path) -> Result<()> {
        let bytes = self.contents.into_bytes(path)?;
        atomic::write(path, &bytes).map_err(io_error("write", path))
    }
}

/// The same numbers on the CPU in memory of their own.
fn copy(tensor: &Tensor) -> Result<Tensor> {
    let copied = match tensor.device() {
        Device::Cpu => tensor.f_detach_copy(),
        _ => tensor.f_to_device(Device::Cpu),
    };
    copied.map_err(|source| Error::Torch { operation: "copying a tensor", source })
}

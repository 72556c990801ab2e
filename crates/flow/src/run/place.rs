//! The folder of a run that may not be made before it is sure that the run can begin.

use std::path::PathBuf;

use tch::Device;

use super::folder::RunFolder;
use crate::config::ExperimentConfig;
use crate::error::Result;

/// Where a run is going to write, if anywhere.
pub(crate) struct Place {
    /// Below which folder new run folders are made; nothing is written without it.
    out: Option<PathBuf>,
    /// The run's folder, once there is one.
    folder: Option<RunFolder>,
    /// The parts of the experiment that come from outside its config.
    outside: Vec<&'static str>,
}

impl Place {
    /// The folder of a resumed run, or none yet.
    pub(crate) fn new(out: Option<PathBuf>, folder: Option<RunFolder>, outside: &[&'static str]) -> Self {
        Self { out, folder, outside: outside.to_vec() }
    }

    /// The folder as far as there is one.
    pub(crate) fn existing(&self) -> Option<&RunFolder> {
        self.folder.as_ref()
    }

    /// The folder, made now if there is none yet; none if nothing is to be written.
    pub(crate) fn folder(&mut self, config: &ExperimentConfig, device: Device) -> Result<Option<RunFolder>> {
        if let (None, Some(out)) = (&self.folder, &self.out) {
            self.folder = Some(RunFolder::create_outside(out, config, &self.outside, device)?);
        }
        Ok(self.folder.clone())
    }
}

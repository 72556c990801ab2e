//! The subject of a study.

use anyhow::Result;
use interflow_core::Points;
use interflow_figure::Figure;
use interflow_flow::{Base, Engine, ExperimentConfig, RunFolder, Target};
use tch::{Kind, Tensor};

use crate::drawing;

/// The subject of a study: a trained flow, the experiment it comes from, and the folder for its figures.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The config of the experiment.
    pub config: &'a ExperimentConfig,
    /// The flow in its own coordinates.
    pub engine: &'a Engine,
    /// The base, where the flow starts at t = 0.
    pub base: &'a Base,
    /// The target, where the flow ends at t = 1.
    pub target: &'a Target,
    /// The run folder.
    pub folder: &'a RunFolder,
}

impl Subject<'_> {
    /// The seed of all draws.
    pub(crate) fn seed(&self) -> u64 {
        self.engine.seed()
    }

    /// The floating-point kind of the flow's points.
    pub(crate) fn kind(&self) -> Kind {
        self.engine.manifest().precision.kind()
    }

    /// States that are given nothing, `[N, D]`, on the flow's device and in its precision.
    pub(crate) fn admit(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.engine.admit(&Points::from(x.shallow_clone()))?.x)
    }

    /// Half the width of a square window that shows both ends, in two dimensions.
    pub(crate) fn extent(&self) -> f64 {
        self.base.law().extent().max(self.target.extent())
    }

    /// Writes an animation into the folder of the run's figures, whose frames are shown for `delay` hundredths of a second each.
    pub(crate) fn save_animation(&self, name: &str, frames: &[Figure], delay: u16) -> Result<()> {
        drawing::save_animation(self.folder, name, frames, delay)
    }

    /// Writes a picture into the folder of the run's figures.
    pub(crate) fn save(&self, name: &str, figure: &Figure) -> Result<()> {
        drawing::save(self.folder, name, figure)
    }
}

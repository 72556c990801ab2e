//! What is studied.

use anyhow::Result;
use interflow_core::Points;
use interflow_figure::Figure;
use interflow_flow::{Base, Engine, ExperimentConfig, RunFolder, Target};
use tch::{Kind, Tensor};

use crate::drawing;

/// A trained flow, the experiment that it comes from, and where its figures go.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// What a user wrote.
    pub config: &'a ExperimentConfig,
    /// The flow in its own coordinates.
    pub engine: &'a Engine,
    /// Where the flow starts.
    pub base: &'a Base,
    /// Where the flow ends.
    pub target: &'a Target,
    /// The folder of the run.
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

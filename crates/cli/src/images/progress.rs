//! The sheet of samples that is drawn at each checkpoint of a run.

use std::path::PathBuf;

use anyhow::Result;
use interflow_core::Network;
use interflow_solvers::{Method, Solver};
use tch::{Device, Tensor};

use super::sheets::fixed;
use super::space::ImageSpace;
use crate::config::ExperimentConfig;
use crate::end::End;
use crate::figure;

/// Samples of a network in training, from the same base points every time.
pub(crate) struct ProgressSheet {
    space: ImageSpace,
    /// The base points `[N, D]`.
    x0: Tensor,
    /// Images in a row.
    columns: usize,
    /// Images that are integrated together.
    batch: i64,
    solver: Solver,
    figures: PathBuf,
}

impl ProgressSheet {
    /// The sheet of a run whose figures go to the folder `figures`; none where the flow is not one of images or the
    /// config wants none.
    pub(crate) fn new(
        config: &ExperimentConfig,
        base: &End,
        figures: PathBuf,
        device: Device,
    ) -> Result<Option<Self>> {
        let images = config.evaluation.images();
        let Some(space) = config.images.filter(|_| images.progress_nfe > 0) else { return Ok(None) };
        let side = i64::from(images.side);
        Ok(Some(Self {
            x0: space.base_points(config, base, 0, side * side)?.to_device(device),
            space,
            columns: side as usize,
            batch: config.evaluation.batch,
            // Two calls a step.
            solver: fixed(Method::Heun, images.progress_nfe.div_ceil(2))?,
            figures,
        }))
    }

    /// Draws the samples of `network` at training step `step`.
    pub(crate) fn draw(&self, network: &dyn Network, step: u64) -> Result<()> {
        let mut parts = Vec::new();
        for batch in self.x0.split(self.batch, 0) {
            parts.push(self.space.pixels(&self.solver.solve(&network, &batch, 0.0, 1.0)?.x));
        }
        let picture = self.space.picture(&Tensor::cat(&parts, 0), self.columns)?;
        figure::save_png(&self.figures.join(format!("samples-{step:010}.png")), &picture)
    }
}

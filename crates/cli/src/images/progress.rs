//! The sheet of samples that is drawn at each checkpoint of a run.

use std::path::PathBuf;

use anyhow::Result;
use interflow_core::Network;
use interflow_figure as figure;
use interflow_solvers::{Method, Solver};
use tch::{Device, Tensor};

use super::sheets::fixed;
use super::space::ImageSpace;
use crate::config::ExperimentConfig;
use crate::end::End;
use crate::interrupt;

/// Samples of a network in training, from the same base points every time.
pub(crate) struct ProgressSheet {
    space: ImageSpace,
    /// The base points `[N, D]`.
    x0: Tensor,
    /// Images in a row.
    columns: usize,
    /// Images that are integrated together.
    batch: i64,
    /// One step, of two calls.
    solver: Solver,
    n_steps: u32,
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
            // A row at a time where a large network takes long: an interrupted run waits for no more.
            batch: if device == Device::Cpu { side } else { config.evaluation.batch },
            solver: fixed(Method::Heun, 1)?,
            n_steps: images.progress_nfe.div_ceil(2),
            figures,
        }))
    }

    /// Draws the samples of `network` at training step `step`, or nothing if the run is interrupted meanwhile.
    pub(crate) fn draw(&self, network: &dyn Network, step: u64) -> Result<()> {
        let mut parts = Vec::new();
        for batch in self.x0.split(self.batch, 0) {
            let Some(samples) = self.sample(network, batch)? else { return Ok(()) };
            parts.push(self.space.pixels(&samples));
        }
        let picture = self.space.picture(&Tensor::cat(&parts, 0), self.columns)?;
        Ok(figure::save_png(&self.figures.join(format!("samples-{step:010}.png")), &picture)?)
    }

    /// The flow's end points from `x`, `[B, D]`. On a CPU a large network takes minutes for them: step by step, so
    /// that an interrupted run need not wait.
    fn sample(&self, network: &dyn Network, mut x: Tensor) -> Result<Option<Tensor>> {
        let time = |step: u32| f64::from(step) / f64::from(self.n_steps);
        for step in 0..self.n_steps {
            if interrupt::requested() {
                return Ok(None);
            }
            x = self.solver.solve(&network, &x, time(step), time(step + 1))?.x;
        }
        Ok(Some(x))
    }
}

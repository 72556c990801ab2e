//! The sheet of samples that is drawn at each checkpoint of a run.

use std::path::PathBuf;

use anyhow::Result;
use interflow_core::{Network, Points};
use interflow_flow::images::ImageSpace;
use interflow_flow::{Cancel, Engine, Run};
use interflow_solvers::{Method, Solver, SolverConfig};
use interflow_train::{Failure, Observer, RunState};
use tch::{Device, Tensor};

use super::picture::picture;
use crate::drawing::write_png;

/// An observer that draws samples of the network in training, from the same base points every time, as
/// `samples-<step>.png` at each checkpoint.
#[derive(Debug)]
pub struct ProgressSheet {
    space: ImageSpace,
    x0: Points,
    /// Images in a row.
    columns: usize,
    /// Images that are integrated together.
    batch: i64,
    /// One step, of two calls.
    solver: Solver,
    n_steps: u32,
    figures: PathBuf,
    cancel: Cancel,
}

impl ProgressSheet {
    /// The observer for a run; `None` if its flow is not one of images, its config asks for no sheets, or it has no
    /// folder. After `cancel` is requested it draws nothing more.
    ///
    /// # Errors
    /// If the base is known by its data only.
    pub fn of(run: &Run<'_>, cancel: &Cancel) -> Result<Option<Self>> {
        let evaluation = &run.config().evaluation;
        let images = evaluation.images();
        let (Some(folder), Some(_), true) =
            (run.folder(), run.manifest().target.images, images.progress_nfe > 0)
        else {
            return Ok(None);
        };
        let space = ImageSpace::of(run.manifest())?;
        let side = i64::from(images.side);
        let network = run.trainer().network().duplicate()?;
        let engine = Engine::new(run.manifest().clone(), network, None, 0)?;
        Ok(Some(Self {
            x0: engine.admit(&space.base_points(&engine, 0, side * side)?)?,
            space,
            columns: side as usize,
            // A row at a time where a large network takes long: an interrupted run waits for no more.
            batch: if run.device() == Device::Cpu { side } else { evaluation.batch },
            solver: SolverConfig { method: Method::Heun, steps: Some(1), ..SolverConfig::default() }
                .build()?,
            n_steps: images.progress_nfe.div_ceil(2),
            figures: folder.figures(),
            cancel: cancel.clone(),
        }))
    }

    /// Draws the sheet of the checkpoint from which a run is resumed, if it is missing because the run was killed
    /// between the two.
    pub fn draw_missing(&self, run: &Run<'_>) {
        let (trainer, train) = (run.trainer(), &run.config().train);
        let step = trainer.step();
        // A checkpoint out of turn is that of an interruption, which draws none.
        let in_turn = step == train.steps || train.checkpoint_every > 0 && step % train.checkpoint_every == 0;
        if step > 0 && in_turn && !self.file(step).exists() {
            self.draw_or_warn(trainer.ema_network(), step);
        }
    }

    /// The file of the sheet of a step.
    fn file(&self, step: u64) -> PathBuf {
        self.figures.join(format!("samples-{step:010}.png"))
    }

    /// Draws a sheet, unless the run is interrupted. A flow that cannot be sampled yet may be so later: no reason to end its
    /// training.
    fn draw_or_warn(&self, network: &dyn Network, step: u64) {
        // Who interrupts a run does not want to wait for a picture.
        if !self.cancel.requested()
            && let Err(error) = self.draw(network, step)
        {
            tracing::warn!("at step {step} no sheet: {error:#}");
        }
    }

    /// Draws the samples of `network` at training step `step`, or nothing if the run is interrupted meanwhile.
    fn draw(&self, network: &dyn Network, step: u64) -> Result<()> {
        let mut parts = Vec::new();
        let n = self.x0.len();
        for first in (0..n).step_by(self.batch.max(1) as usize) {
            let batch = self.x0.narrow(first, self.batch.max(1).min(n - first));
            let Some(samples) = self.sample(network, batch)? else { return Ok(()) };
            parts.push(self.space.pixels(&samples));
        }
        let sheet = picture(&self.space, &Tensor::cat(&parts, 0), self.columns)?;
        write_png(&self.file(step), &sheet)
    }

    /// The flow's end points from a batch, states `[B, D]`. On a CPU a large network takes minutes for them: step by step,
    /// so that an interrupted run need not wait.
    fn sample(&self, network: &dyn Network, batch: Points) -> Result<Option<Tensor>> {
        let time = |step: u32| f64::from(step) / f64::from(self.n_steps);
        let velocity = network.at(&batch.given);
        let mut x = batch.x;
        for step in 0..self.n_steps {
            if self.cancel.requested() {
                return Ok(None);
            }
            x = self.solver.solve(&velocity, &x, time(step), time(step + 1))?.x;
        }
        Ok(Some(x))
    }
}

impl Observer for ProgressSheet {
    fn on_checkpoint(&mut self, state: &RunState<'_>) -> Result<(), Failure> {
        self.draw_or_warn(state.ema_network(), state.step);
        Ok(())
    }
}

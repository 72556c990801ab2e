//! The report of a run that is still trained.

use std::time::{Duration, Instant};

use anyhow::Result;
use interflow_flow::{History, Run, RunFolder};
use interflow_train::{Failure, Observer, RunState, SelfCheck, StepReport};

use super::curves::{draw_costs, draw_losses};
use super::write;
use crate::document::Block;

/// The least time between two reports, for short trainings with many checks.
const PERIOD: Duration = Duration::from_secs(10);

/// Writes the report of a run at its held-out checks and checkpoints: how far it has come, its curves, and for images the sheets so far. The
/// finished run's report takes its place.
pub(crate) struct RunningReport {
    folder: RunFolder,
    title: String,
    steps: u64,
    history: History,
    has_costs: bool,
    written: Option<Instant>,
}

impl RunningReport {
    /// The report of a run, with the curves that its folder has so far; none where the run has no folder.
    ///
    /// # Errors
    /// If the run's metrics cannot be read.
    pub(crate) fn of(run: &Run<'_>, has_costs: bool) -> Result<Option<Self>> {
        let Some(folder) = run.folder() else { return Ok(None) };
        Ok(Some(Self {
            history: History::read(folder, run.trainer().step())?,
            folder: folder.clone(),
            title: run.config().name.clone(),
            steps: run.config().train.steps,
            has_costs,
            written: None,
        }))
    }

    /// Writes the report, unless there was one just now. A report is no reason to end a training.
    fn write_in_turn(&mut self, step: u64) {
        let is_recent = self.written.is_some_and(|written| written.elapsed() < PERIOD);
        if is_recent && step < self.steps {
            return;
        }
        if let Err(error) = self.write(step) {
            tracing::warn!("at step {step} no report: {error:#}");
        }
        self.written = Some(Instant::now());
    }

    fn write(&self, step: u64) -> Result<()> {
        draw_losses(&self.folder, &self.history)?;
        if self.has_costs {
            draw_costs(&self.folder, &[(self.title.clone(), self.history.costs.clone())])?;
        }
        write::unfinished(&self.folder, &self.title, self.state(step))
    }

    /// How far the run has come.
    fn state(&self, step: u64) -> Block {
        let trained = if step < self.steps { "trained so far" } else { "trained, not evaluated yet" };
        let check = self
            .history
            .held_out
            .last()
            .map(|(of, value)| format!(" The objective on held-out data was {value:.4} at step {of}."));
        let (steps, check) = (self.steps, check.unwrap_or_default());
        Block::paragraph(format!("This run is not finished: {trained}, {step} of {steps} steps.{check}"))
    }
}

impl Observer for RunningReport {
    fn on_step(&mut self, report: &StepReport) {
        self.history.on_step(report);
    }

    fn on_validation(&mut self, check: &SelfCheck) {
        self.history.on_validation(check);
        self.write_in_turn(check.step);
    }

    fn on_checkpoint(&mut self, state: &RunState<'_>) -> Result<(), Failure> {
        self.write_in_turn(state.step);
        Ok(())
    }
}

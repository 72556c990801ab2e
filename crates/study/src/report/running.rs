//! The report of a run that is not finished.

use std::time::{Duration, Instant};

use anyhow::Result;
use interflow_flow::{ExperimentConfig, History, Run, RunFolder};
use interflow_train::{Failure, Observer, RunState, SelfCheck};
use interflow_transport::CouplingConfig;

use super::curves::{draw_costs, draw_losses};
use super::write;
use crate::document::Block;

/// The least time between two reports, for short trainings with many checks.
const PERIOD: Duration = Duration::from_secs(10);

/// Writes the report of a run while it is trained, at its held-out checks and checkpoints: how far it has come, its curves, and
/// for images the sheets so far. What the end of training makes of it is [`unfinished`]'s.
pub(crate) struct RunningReport {
    folder: RunFolder,
    config: ExperimentConfig,
    written: Option<Instant>,
}

impl RunningReport {
    /// The report of a run; none where the run has no folder.
    pub(crate) fn of(run: &Run<'_>) -> Option<Self> {
        let folder = run.folder()?.clone();
        Some(Self { folder, config: run.config().clone(), written: None })
    }

    /// Writes the report, unless there was one just now or training is at its end. A report is no reason to end a training.
    fn write_in_turn(&mut self, step: u64) {
        let is_recent = self.written.is_some_and(|written| written.elapsed() < PERIOD);
        if is_recent || step >= self.config.train.steps {
            return;
        }
        let history = History::read(&self.folder, step).map_err(anyhow::Error::from);
        if let Err(error) = history.and_then(|history| unfinished(&self.folder, &self.config, &history, step))
        {
            tracing::warn!("at step {step} no report: {error:#}");
        }
        self.written = Some(Instant::now());
    }
}

impl Observer for RunningReport {
    fn on_validation(&mut self, check: &SelfCheck) {
        self.write_in_turn(check.step);
    }

    fn on_checkpoint(&mut self, state: &RunState<'_>) -> Result<(), Failure> {
        self.write_in_turn(state.step);
        Ok(())
    }
}

/// Draws the curves of a run that has been trained for `step` steps, and writes its report unless it is finished, with a report
/// of its own.
///
/// # Errors
/// If the folder cannot be read or written.
pub(crate) fn unfinished(
    folder: &RunFolder,
    config: &ExperimentConfig,
    history: &History,
    step: u64,
) -> Result<()> {
    draw_losses(folder, history)?;
    // Other runs do not change what their paths cost.
    if config.path.is_some() || !matches!(config.coupling, CouplingConfig::Independent {}) {
        draw_costs(folder, &[(config.name.clone(), history.costs.clone())])?;
    }
    if folder.has_result() {
        Ok(())
    } else {
        write::unfinished(folder, &config.name, state(config, history, step))
    }
}

/// How far a run has come.
fn state(config: &ExperimentConfig, history: &History, step: u64) -> Block {
    let steps = config.train.steps;
    let trained = if step < steps { "trained so far" } else { "trained, not evaluated yet" };
    let last = history.held_out.last();
    let check =
        last.map(|(of, value)| format!(" The objective on held-out data was {value:.4} at step {of}."));
    let check = check.unwrap_or_default();
    Block::paragraph(format!("This run is not finished: {trained}, {step} of {steps} steps.{check}"))
}

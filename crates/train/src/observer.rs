//! What watches a run: progress bars, logs, checkpoint writers, signal handlers.

use crate::error::Failure;
use crate::run_state::RunState;
use crate::self_check::SelfCheck;

/// The state of the run after a step.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct StepReport {
    /// The step just taken, counted from 1.
    pub step: u64,
    /// The steps of the whole run.
    pub steps: u64,
    /// The batch's loss.
    pub loss: f64,
    /// The gradient's norm before clipping.
    pub grad_norm: f64,
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// The mean time of a step since the last report.
    pub step_secs: f64,
    /// The pairs (x0, x1) trained on per second since the last report.
    pub pairs_per_sec: f64,
}

/// Is told what happens in a run; every method has an empty default.
pub trait Observer {
    /// Every `log_every` steps.
    fn on_step(&mut self, report: &StepReport) {
        let _ = report;
    }

    /// After a step that is none of those, when nothing was reported for ten seconds: for show, not for the record,
    /// since it depends on the machine.
    fn on_slow_step(&mut self, report: &StepReport) {
        let _ = report;
    }

    /// Before a step that has another number of threads than the one before, and before the first one, where threads are
    /// chosen by what steps take ([`crate::Trainer::with_threads`]).
    fn on_threads(&mut self, step: u64, threads: u32) {
        let _ = (step, threads);
    }

    /// Before the first step of a run whose batches are cut by the device's free memory ([`crate::Accumulate::Auto`]): the
    /// number of parts, which a resumed run keeps.
    fn on_parts(&mut self, step: u64, parts: i64) {
        let _ = (step, parts);
    }

    /// After every held-out check.
    fn on_validation(&mut self, check: &SelfCheck) {
        let _ = check;
    }

    /// After every held-out check of a run with a companion: the companion's numbers by name.
    fn on_companion(&mut self, step: u64, numbers: &[(&'static str, f64)]) {
        let _ = (step, numbers);
    }

    /// When a checkpoint is due: every `checkpoint_every` steps, at the end and on an interruption.
    ///
    /// # Errors
    /// A failure ends the run.
    fn on_checkpoint(&mut self, state: &RunState<'_>) -> Result<(), Failure> {
        let _ = state;
        Ok(())
    }

    /// Before every step: what has failed of all that goes on beside the training, such as the writing of a checkpoint.
    ///
    /// # Errors
    /// A failure ends the run.
    fn check(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// When the run has ended, also by a failure: what goes on beside the training is waited for.
    ///
    /// # Errors
    /// A failure of what was waited for; a run that has failed keeps its own.
    fn on_end(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether to stop; asked before every step.
    fn interrupted(&self) -> bool {
        false
    }
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}

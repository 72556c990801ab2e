//! Observers of a run: progress bars, logs, checkpoint writers, signal handlers.

use std::fmt;

use crate::error::Failure;
use crate::run_state::RunState;
use crate::self_check::SelfCheck;

/// A report on one step of the run.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct StepReport {
    /// The step just taken, counted from 1.
    pub step: u64,
    /// The number of steps of the whole run.
    pub steps: u64,
    /// The loss of the step's batch.
    pub loss: f64,
    /// The gradient's norm before clipping.
    pub grad_norm: f64,
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// The mean duration of a step since the last report, in seconds.
    pub step_secs: f64,
    /// The number of pairs (x0, x1) per second since the last report.
    pub pairs_per_sec: f64,
}

/// Is told what happens in a run. Every method has a default that does nothing.
pub trait Observer {
    /// Called after every `log_every` steps.
    fn on_step(&mut self, report: &StepReport) {
        let _ = report;
    }

    /// Called after a step between those, if nothing was reported for ten seconds. It is for display and not for
    /// records, because it depends on the machine's speed.
    fn on_slow_step(&mut self, report: &StepReport) {
        let _ = report;
    }

    /// Called only if the number of threads is chosen by measuring ([`crate::Trainer::with_threads`]): before the first step,
    /// and before each step that uses a different number than the one before.
    fn on_threads(&mut self, step: u64, threads: u32) {
        let _ = (step, threads);
    }

    /// Called before the first step of a run whose batches are divided by the device's free memory
    /// ([`crate::Accumulate::Auto`]), with the number of parts, which a resumed run keeps.
    fn on_parts(&mut self, step: u64, parts: i64) {
        let _ = (step, parts);
    }

    /// Called after every held-out check.
    fn on_validation(&mut self, check: &SelfCheck) {
        let _ = check;
    }

    /// Called after every held-out check of a run with a companion, with the companion's numbers by name.
    fn on_companion(&mut self, step: u64, numbers: &[(&'static str, f64)]) {
        let _ = (step, numbers);
    }

    /// Called when a checkpoint is due: every `checkpoint_every` steps, at the end, and when the run is interrupted.
    ///
    /// # Errors
    /// A failure, which ends the run.
    fn on_checkpoint(&mut self, state: &RunState<'_>) -> Result<(), Failure> {
        let _ = state;
        Ok(())
    }

    /// Called before every step, to report failures of work beside the training, such as writing a checkpoint.
    ///
    /// # Errors
    /// A failure, which ends the run.
    fn check(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// Called when the run has ended, also by a failure, to wait for work beside the training.
    ///
    /// # Errors
    /// A failure of that work. A run that failed returns its own error.
    fn on_end(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether to stop the run. It is asked before every step.
    fn interrupted(&self) -> bool {
        false
    }
}

impl fmt::Debug for dyn Observer + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}

/// An observer that does nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}

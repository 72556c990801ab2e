//! What a callback is told of training.

use interflow::train::StepReport;
use pyo3::prelude::*;

/// A training step, every so many.
#[pyclass(frozen, get_all, module = "interflow")]
#[allow(clippy::struct_field_names, reason = "they are what Python calls them")]
pub(crate) struct Step {
    /// The step just taken, counted from 1.
    step: u64,
    /// The steps of the whole run.
    steps: u64,
    /// The batch's loss.
    loss: f64,
    /// The gradient's norm before clipping.
    grad_norm: f64,
    /// The learning rate of the step.
    learning_rate: f64,
    /// The mean time of a step in seconds since the last report.
    step_secs: f64,
}

impl From<&StepReport> for Step {
    fn from(report: &StepReport) -> Self {
        let &StepReport { step, steps, loss, grad_norm, learning_rate, step_secs, .. } = report;
        Self { step, steps, loss, grad_norm, learning_rate, step_secs }
    }
}

#[pymethods]
impl Step {
    fn __repr__(&self) -> String {
        format!("Step({}/{}, loss={:.4})", self.step, self.steps, self.loss)
    }
}

/// A check on held-out points.
#[pyclass(frozen, get_all, module = "interflow")]
pub(crate) struct Validation {
    /// The training step after which the check was made.
    pub(crate) step: u64,
    /// The steps of the whole run.
    pub(crate) steps: u64,
    /// The objective, which training makes small: for a velocity E[|v|² − 2 ẋ·v].
    pub(crate) objective: f64,
}

#[pymethods]
impl Validation {
    fn __repr__(&self) -> String {
        format!("Validation({}/{}, objective={:.4})", self.step, self.steps, self.objective)
    }
}

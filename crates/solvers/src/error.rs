//! The errors of this crate.

use crate::fault::TableauFault;

/// The result of a fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a setting was refused or an integration failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An error of the mathematics (`interflow_core`), such as tensors of the wrong shape.
    #[error(transparent)]
    Core(#[from] interflow_core::Error),
    /// A setting of a solver lies outside its allowed range.
    #[error("{name} must be {requirement}, found: {value}")]
    InvalidConfig {
        /// The setting's name.
        name: &'static str,
        /// The requirement that it does not meet.
        requirement: &'static str,
        /// Its value.
        value: f64,
    },
    /// The coefficients are not those of an explicit Runge–Kutta method.
    #[error("a tableau was refused: {fault}")]
    InvalidTableau {
        /// The first condition that they violate.
        fault: TableauFault,
    },
    /// A method without an error estimate was configured without a number of steps.
    #[error(
        "a method without an error estimate needs `steps`\nhint: leave out the tolerance, or take another method"
    )]
    MissingSteps,
    /// Equal steps are needed, and the solver has adaptive ones.
    #[error("{operation} needs equal steps\nhint: leave out the tolerance")]
    AdaptiveSteps {
        /// The computation that needs steps of equal length.
        operation: &'static str,
    },
    /// A strength of noise proportional to γ, or a denoiser, was given for a path without γ.
    #[error("a diffusion proportional to gamma, or by a denoiser, needs a path with a latent γ z")]
    NoLatent,
    /// A stochastic equation was to be solved beyond the ends of the path, outside [0, 1].
    #[error("a stochastic equation has times in [0, 1], found: {from} to {to}")]
    OutsideOfPath {
        /// The start time.
        from: f64,
        /// The end time.
        to: f64,
    },
    /// The times to integrate over or to save at are not finite, not monotone, missing, or outside the interval.
    #[error("times must be finite, monotone, at least one and inside the interval, found: {found:?}")]
    InvalidTimes {
        /// The times that were given.
        found: Vec<f64>,
    },
    /// The field or the state ceased to be finite.
    #[error(
        "the integration met a non-finite number in row {row} at time: {time}\nhint: look for NaN or huge numbers in the input"
    )]
    NonFinite {
        /// The number, within the batch, of the first row where it happened.
        row: i64,
        /// The time of the stage where it happened first.
        time: f64,
    },
    /// Some rows did not reach the end within the allowed number of steps.
    #[error(
        "{unfinished} rows are unfinished after {max_steps} steps, the slowest, row {row}, at time: {time}\n\
         hint: raise max_steps, or rtol and atol"
    )]
    StepLimit {
        /// The number, within the batch, of the row that got least far.
        row: i64,
        /// The time that this row has reached.
        time: f64,
        /// The largest number of steps that one row may take.
        max_steps: u32,
        /// The number of rows that did not reach the end.
        unfinished: i64,
    },
    /// The tolerance asked for steps below the floating-point resolution of time.
    #[error(
        "row {row}: after {accepted} accepted and {rejected} rejected steps the next one is too small at time: {time}\n\
         hint: raise rtol and atol, or compute in double precision"
    )]
    StepTooSmall {
        /// The number, within the batch, of the first such row.
        row: i64,
        /// The time at which the step became too small.
        time: f64,
        /// The number of steps accepted so far, over all rows.
        accepted: u64,
        /// The number of steps rejected so far, over all rows.
        rejected: u64,
    },
}

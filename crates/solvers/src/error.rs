//! What can go wrong in this crate.

use crate::fault::TableauFault;

/// The result of a fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// A rejected input or a failed integration of `interflow-solvers`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The core crate rejected an input.
    #[error(transparent)]
    Core(#[from] interflow_core::Error),
    /// A setting of a solver lies outside its allowed range.
    #[error("{name} must be {requirement}, found: {value}")]
    InvalidConfig {
        /// The setting's name.
        name: &'static str,
        /// What it must satisfy.
        requirement: &'static str,
        /// Its value.
        value: f64,
    },
    /// Coefficients are not those of an explicit Runge–Kutta method.
    #[error("a tableau was refused: {fault}")]
    InvalidTableau {
        /// The first thing that is wrong with them.
        fault: TableauFault,
    },
    /// A method without an error estimate was configured without a number of steps.
    #[error("a method without an error estimate needs `steps`")]
    MissingSteps,
    /// A strength of noise proportional to γ, or a denoiser, was given for a path without γ.
    #[error("a diffusion proportional to gamma, or by a denoiser, needs a path with a latent γ z")]
    NoLatent,
    /// A stochastic equation was to be solved beyond the path's ends.
    #[error("a stochastic equation has times in [0, 1], found: {from} to {to}")]
    OutsideOfPath {
        /// The start.
        from: f64,
        /// The end.
        to: f64,
    },
    /// The times to integrate over, or to save at, are not finite, or not monotone, or missing, or outside of the
    /// interval.
    #[error("times must be finite, monotone, at least one and inside the interval, found: {found:?}")]
    InvalidTimes {
        /// The times that were given.
        found: Vec<f64>,
    },
    /// The field or the state stopped being finite.
    #[error("the integration met a non-finite number in row {row} at time: {time}")]
    NonFinite {
        /// The number of the first offending row of the batch.
        row: i64,
        /// The time of the first offending stage.
        time: f64,
    },
    /// Some rows did not reach the end in the allowed number of steps.
    #[error(
        "{unfinished} rows are unfinished after {max_steps} steps, the slowest, row {row}, at time: {time}"
    )]
    StepLimit {
        /// The number of the slowest row of the batch.
        row: i64,
        /// The time that it has reached.
        time: f64,
        /// The limit on the steps tried for one row.
        max_steps: u32,
        /// How many rows have not reached the end.
        unfinished: i64,
    },
    /// The tolerance asks for steps below the resolution of time.
    #[error(
        "after {accepted} accepted and {rejected} rejected steps that of row {row} is too small at time: {time}"
    )]
    StepTooSmall {
        /// The number of the first such row of the batch.
        row: i64,
        /// The time at which the step became too small.
        time: f64,
        /// Steps accepted so far, over all rows.
        accepted: u64,
        /// Steps rejected so far, over all rows.
        rejected: u64,
    },
}

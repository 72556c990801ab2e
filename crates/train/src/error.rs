//! What can go wrong in this crate.

use std::path::PathBuf;

use crate::observer::Failure;

/// The result of a fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure of training.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A number of the config lies outside its allowed range.
    #[error("{name} must be {requirement}, found: {value}")]
    OutOfRange {
        /// The number's name in the config.
        name: &'static str,
        /// What it must satisfy.
        requirement: &'static str,
        /// Its value.
        value: f64,
    },
    /// The parts of a problem have different dimensions.
    #[error("{part} has another dimension than the network, expected: {expected}, found: {found}")]
    Dimension {
        /// The part that differs.
        part: &'static str,
        /// The network's dimension.
        expected: i64,
        /// The part's dimension.
        found: i64,
    },
    /// The loss or its gradient is not finite.
    #[error(
        "training diverged at step {step}, loss: {loss}, gradient norm: {grad_norm}\n\
         hint: lower the learning rate, set clip_norm, or check the data for NaN"
    )]
    NotFinite {
        /// The step, counted from 1.
        step: u64,
        /// The loss.
        loss: f64,
        /// The gradient's norm.
        grad_norm: f64,
    },
    /// A checkpoint file cannot be used.
    #[error("checkpoint {}: {problem}\nhint: {hint}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        hint: &'static str,
    },
    /// A checkpoint belongs to another network or config.
    #[error(
        "the checkpoint does not fit this run: {problem}\nhint: resume with the config saved in the checkpoint"
    )]
    Mismatch {
        /// What differs.
        problem: String,
    },
    /// A file operation failed.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// What is trained beside the velocity failed.
    #[error("cannot train what goes with the velocity, at step {step}")]
    Companion {
        /// The velocity's last step.
        step: u64,
        /// The reason.
        #[source]
        source: Failure,
    },
    /// An observer failed.
    #[error("an observer failed after step {step}")]
    Observer {
        /// The last step taken.
        step: u64,
        /// Its reason.
        #[source]
        source: Failure,
    },
    /// libtorch refused an operation.
    #[error("libtorch failed in {operation}")]
    Torch {
        /// The operation that was asked for.
        operation: &'static str,
        /// libtorch's own message.
        #[source]
        source: tch::TchError,
    },
    /// A multi-tensor kernel refused.
    #[error(transparent)]
    Kernel(#[from] interflow_libtorch::Error),
    /// Maximum likelihood was asked for between two ends known by samples only.
    #[error("maximum likelihood needs the base's density in closed form\nhint: take a base that has one")]
    NoBaseDensity,
    /// A denoiser is to be trained where there is no latent to learn.
    #[error(
        "a denoiser is trained by the objective of a path with a latent\n\
         hint: give the interpolant a gamma, or leave the denoiser out"
    )]
    NoLatent,
    /// A solver refused its settings or failed on the way.
    #[error(transparent)]
    Solver(#[from] interflow_solvers::Error),
    /// The mathematics refused its input.
    #[error(transparent)]
    Core(#[from] interflow_core::Error),
}

/// Checks that a config's number satisfies a requirement.
pub(crate) fn check_range(
    name: &'static str,
    requirement: &'static str,
    value: f64,
    holds: bool,
) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::OutOfRange { name, requirement, value }) }
}

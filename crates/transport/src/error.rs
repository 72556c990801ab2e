//! What can go wrong in this crate.

use std::path::PathBuf;

use interflow_core::number::Shown;

/// The result of a fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure on the way to optimal transport.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A number lies outside its allowed range.
    #[error("{name} must be {requirement}, found: {}", Shown(*value))]
    OutOfRange {
        /// The number's name in the config.
        name: &'static str,
        /// What it must satisfy.
        requirement: &'static str,
        /// Its value.
        value: f64,
    },
    /// Costs between points are not finite.
    #[error("an assignment needs finite costs, found: {value}")]
    Costs {
        /// The first cost that is not.
        value: f64,
    },
    /// Sinkhorn's iterations did not reach the tolerance.
    #[error(
        "Sinkhorn's iterations did not converge in {n_iterations}, error of the marginals: {marginal_error}\n\
         hint: raise reg or max_iterations"
    )]
    NotConverged {
        /// The iterations taken.
        n_iterations: u32,
        /// The marginals' error after them.
        marginal_error: f64,
    },
    /// A saved path or file of pairs does not fit.
    #[error("{what} does not fit: {problem}")]
    Mismatch {
        /// What was read.
        what: &'static str,
        /// What differs.
        problem: String,
    },
    /// A file operation failed.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
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
    /// The mathematics refused its input.
    #[error(transparent)]
    Core(#[from] interflow_core::Error),
    /// A data set refused its input.
    #[error(transparent)]
    Data(#[from] interflow_data::Error),
    /// A metric refused its input.
    #[error(transparent)]
    Metric(#[from] interflow_metrics::Error),
    /// A solver refused its settings or failed on the way.
    #[error(transparent)]
    Solver(#[from] interflow_solvers::Error),
    /// Training refused its settings or failed on the way.
    #[error(transparent)]
    Train(#[from] interflow_train::Error),
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

/// The reason in which libtorch refused `operation`.
pub(crate) fn torch(operation: &'static str) -> impl FnOnce(tch::TchError) -> Error {
    move |source| Error::Torch { operation, source }
}

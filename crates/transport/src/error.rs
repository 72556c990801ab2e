//! The errors of this crate.

use std::path::PathBuf;

use interflow_core::number::Shown;

/// The result of a fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a coupling, a learned path or a reflow failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A number lies outside its allowed range.
    #[error("{name} must be {requirement}, found: {}", Shown(*value))]
    OutOfRange {
        /// The name of the number in the config.
        name: &'static str,
        /// The requirement that it does not meet.
        requirement: &'static str,
        /// Its value.
        value: f64,
    },
    /// A cost between two points is not finite.
    #[error("an assignment needs finite costs, found: {value}")]
    Costs {
        /// The first such cost.
        value: f64,
    },
    /// Sinkhorn's iterations did not reach the tolerance.
    #[error(
        "Sinkhorn's iterations did not converge in {n_iterations}, error of the marginals: {marginal_error}\n\
         hint: raise reg or max_iterations"
    )]
    NotConverged {
        /// The number of iterations taken.
        n_iterations: u32,
        /// The error of the marginals after them.
        marginal_error: f64,
    },
    /// A matrix of costs, a saved path or a file of pairs does not fit.
    #[error("{what} does not fit: {problem}")]
    Mismatch {
        /// What does not fit.
        what: &'static str,
        /// What differs from what was expected.
        problem: String,
    },
    /// A file operation failed.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// The operation that failed.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// libtorch failed in an operation.
    #[error("libtorch failed in {operation}")]
    Torch {
        /// The operation that failed.
        operation: &'static str,
        /// libtorch's own message.
        #[source]
        source: tch::TchError,
    },
    /// A function of the library's own binding of libtorch failed.
    #[error(transparent)]
    Kernel(#[from] interflow_libtorch::Error),
    /// An error of the mathematics (`interflow_core`), such as tensors of the wrong shape.
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

//! The errors of this crate.

use std::path::PathBuf;

/// The result of a fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a flow could not be made, found or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A config has an unknown key, a value of the wrong type, or a value that makes no sense.
    #[error("{place}: {problem}")]
    Config {
        /// The file and line, or the table and key.
        place: String,
        /// What is wrong there.
        problem: String,
    },
    /// A flow or a run was asked for something that it cannot give.
    #[error("{problem}")]
    Refused {
        /// What cannot be had and why; if there is a hint, it is on a line of its own.
        problem: String,
    },
    /// There is no checkpoint where one was looked for.
    #[error("no checkpoint file and no run folder with checkpoints: {}", path.display())]
    NoCheckpoint {
        /// The file or folder in which a checkpoint was looked for.
        path: PathBuf,
    },
    /// A file operation failed.
    #[error("cannot {operation}: {}", path.display())]
    Io {
        /// The operation that failed, such as `read the config`.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The work was cancelled before its results were complete.
    #[error("interrupted, and the unfinished results are not written")]
    Cancelled,
    /// An operation failed for the reason that `source` tells.
    #[error("{operation}")]
    During {
        /// The operation that failed, or the place in a config where the failure belongs.
        operation: String,
        /// The failure itself.
        #[source]
        source: Box<Error>,
    },
    /// libtorch failed in an operation.
    #[error("libtorch failed in {operation}")]
    Torch {
        /// The operation that was asked for.
        operation: &'static str,
        /// libtorch's own message.
        #[source]
        source: tch::TchError,
    },
    /// A function of the library's own binding of libtorch failed: a multi-tensor kernel, communication between
    /// processes, or loading CUDA.
    #[error(transparent)]
    Kernel(#[from] interflow_libtorch::Error),
    /// An error of the mathematics (`interflow_core`), such as tensors of the wrong shape.
    #[error(transparent)]
    Core(#[from] interflow_core::Error),
    /// A network cannot be built.
    #[error(transparent)]
    Model(#[from] interflow_models::Error),
    /// A data set cannot be used.
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
    /// A coupling, a learnable path or a reflow failed.
    #[error(transparent)]
    Transport(#[from] interflow_transport::Error),
}

impl Error {
    /// A refusal with its reason.
    pub(crate) fn refused(problem: impl Into<String>) -> Self {
        Self::Refused { problem: problem.into() }
    }

    /// Whether the work failed because another process of its group ended or does something else. The error may lie
    /// at any depth.
    pub fn is_of_another_process(&self) -> bool {
        use interflow_libtorch::Error::Group;
        match self {
            Self::Kernel(error)
            | Self::Train(interflow_train::Error::Kernel(error))
            | Self::Metric(interflow_metrics::Error::Kernel(error)) => matches!(error, Group { .. }),
            Self::During { source, .. } => source.is_of_another_process(),
            _ => false,
        }
    }

    /// Whether the work was cancelled. The error may lie at any depth.
    pub fn is_cancelled(&self) -> bool {
        match self {
            Self::Cancelled => true,
            Self::During { source, .. } => source.is_cancelled(),
            _ => false,
        }
    }
}

/// Refuses with a reason: the value of a function that cannot go on.
pub(crate) fn refuse<T>(problem: impl Into<String>) -> Result<T> {
    Err(Error::refused(problem))
}

/// The system's reason for which `operation` on `path` failed.
pub(crate) fn io_error(
    operation: &'static str,
    path: &std::path::Path,
) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::Io { operation, path: path.to_owned(), source }
}

/// The reason for which libtorch refused `operation`.
pub(crate) fn torch(operation: &'static str) -> impl FnOnce(tch::TchError) -> Error {
    move |source| Error::Torch { operation, source }
}

/// Says of a failure what was being done.
pub(crate) trait During<T> {
    /// The same result, a failure with what was being done.
    fn during(self, operation: impl Into<String>) -> Result<T>;
}

impl<T, E: Into<Error>> During<T> for std::result::Result<T, E> {
    fn during(self, operation: impl Into<String>) -> Result<T> {
        self.map_err(|error| Error::During { operation: operation.into(), source: Box::new(error.into()) })
    }
}

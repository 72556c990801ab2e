//! The errors of this crate.

/// The result of a fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why samples, moments or weights could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There are too few samples for an operation.
    #[error("{operation}: needs at least {needed} samples, found: {found}")]
    TooFew {
        /// The operation.
        operation: &'static str,
        /// The least number of samples that it needs.
        needed: i64,
        /// The number of samples found.
        found: i64,
    },
    /// A value is not finite.
    #[error("{operation}: a value is not finite")]
    NotFinite {
        /// The operation.
        operation: &'static str,
    },
    /// A matrix is not symmetric positive semidefinite.
    #[error("{operation}: the covariance {problem}")]
    NotACovariance {
        /// Which property of a covariance it lacks.
        operation: &'static str,
        /// What it fails.
        problem: String,
    },
    /// The weights are not those of Inception.
    #[error(
        "cannot use the weights of Inception: {problem}\nhint: they are pytorch-fid's, as one safetensors file"
    )]
    Weights {
        /// What is wrong with them.
        problem: String,
    },
    /// A file of feature statistics cannot be used.
    #[error("cannot use the feature statistics {}: {problem}", path.display())]
    Statistics {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Tensors could not be encoded.
    #[error("{operation}: cannot be encoded")]
    Encode {
        /// The operation.
        operation: &'static str,
        /// The reason.
        #[source]
        source: safetensors::SafeTensorError,
    },
    /// An error of the mathematics (`interflow_core`), such as tensors of the wrong shape.
    #[error(transparent)]
    Core(#[from] interflow_core::Error),
    /// Processes could not exchange their parts.
    #[error(transparent)]
    Kernel(#[from] interflow_libtorch::Error),
    /// libtorch failed in an operation.
    #[error("libtorch failed in {operation}")]
    Torch {
        /// The operation.
        operation: &'static str,
        /// libtorch's own message.
        #[source]
        source: tch::TchError,
    },
}

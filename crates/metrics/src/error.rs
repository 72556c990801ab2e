//! What can go wrong in this crate.

/// The result of a fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Samples or moments that cannot be judged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Too few samples for the operation.
    #[error("{operation}: needs at least {needed} samples, found: {found}")]
    TooFew {
        /// The operation.
        operation: &'static str,
        /// How many it needs.
        needed: i64,
        /// How many there are.
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
        /// The operation.
        operation: &'static str,
        /// What it fails.
        problem: String,
    },
    /// Weights that are not those of Inception.
    #[error(
        "cannot use the weights of Inception: {problem}\nhint: they are pytorch-fid's, as one safetensors file"
    )]
    Weights {
        /// What is wrong.
        problem: String,
    },
    /// A file of feature statistics that cannot be used.
    #[error("cannot use the feature statistics {}: {problem}", path.display())]
    Statistics {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
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
    /// An operation of `interflow-core` failed.
    #[error(transparent)]
    Core(#[from] interflow_core::Error),
    /// Processes could not exchange what they have.
    #[error(transparent)]
    Kernel(#[from] interflow_libtorch::Error),
    /// Numbers could not be read from a tensor.
    #[error("libtorch failed in {operation}")]
    Torch {
        /// The operation.
        operation: &'static str,
        /// libtorch's own message.
        #[source]
        source: tch::TchError,
    },
}

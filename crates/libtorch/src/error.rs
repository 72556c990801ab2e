//! What can go wrong in this crate.

/// The result of a call into libtorch.
pub type Result<T> = std::result::Result<T, Error>;

/// A refused call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two lists of tensors do not go together.
    #[error("{operation}: tensor lists do not match: {problem}")]
    ListMismatch {
        /// The operation that was asked for.
        operation: &'static str,
        /// What differs.
        problem: String,
    },
    /// libtorch refused the operation.
    #[error("libtorch failed in {operation}: {message}")]
    Torch {
        /// The operation that was asked for.
        operation: &'static str,
        /// The first line of libtorch's own message.
        message: String,
    },
    /// `libtorch_cuda` cannot be loaded.
    #[error("no CUDA: {message}")]
    Cuda {
        /// The loader's reason.
        message: String,
    },
}

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
    /// A process cannot join the others.
    #[error("process {rank} of {size} cannot join the others at {address} within {secs} s: {message}")]
    Join {
        /// The process's number, from 0.
        rank: usize,
        /// How many processes there are to be.
        size: usize,
        /// Where they meet: host and port.
        address: String,
        /// How long it was tried.
        secs: f64,
        /// The first line of libtorch's own message.
        message: String,
    },
    /// The environment does not say which process this one is among those that compute together.
    #[error("what the environment says of several processes makes no sense: {problem}")]
    Environment {
        /// What is missing or wrong, and what to do.
        problem: String,
    },
    /// Processes that compute together could not exchange something: one of them has ended, shows no sign
    /// of life, or does other work.
    #[error("process {rank} of {size} failed in {operation} with the others: {message}")]
    Group {
        /// The process's number, from 0.
        rank: usize,
        /// How many processes there are.
        size: usize,
        /// What was to be exchanged.
        operation: &'static str,
        /// Why, as far as it is known, or the first line of libtorch's own message.
        message: String,
    },
    /// `libtorch_cuda` cannot be loaded.
    #[error("no CUDA: {message}")]
    Cuda {
        /// The loader's reason.
        message: String,
    },
}

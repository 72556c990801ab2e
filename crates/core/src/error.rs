//! What can go wrong in this crate.

use crate::number::{Bytes, Shown};

/// The result of a fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// A rejected input of `interflow-core`, with the operation that rejected it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor's shape does not fit the operation.
    #[error("{operation}: expected shape {expected}, found: {found:?}")]
    Shape {
        /// The operation that checked the shape.
        operation: &'static str,
        /// The shape it wants, with letters for free axes, such as `[B, 2]`.
        expected: String,
        /// The shape it got.
        found: Vec<i64>,
    },
    /// A tensor's numbers are of another kind, or on another device, than the operation can take.
    #[error("{operation}: expected {expected}, found: {found}")]
    Kind {
        /// The operation that checked the tensor.
        operation: &'static str,
        /// What it wants, such as `Float on Cpu`.
        expected: String,
        /// What it got.
        found: String,
    },
    /// Points are given something else than the operation wants, such as numbers for a class.
    #[error("{operation}: expected conditions: {expected}, found: {found}")]
    Given {
        /// The operation that checked the conditions.
        operation: &'static str,
        /// What it wants the points to be given.
        expected: String,
        /// What they are given.
        found: String,
    },
    /// A number lies outside its allowed range.
    #[error("{name} must be {requirement}, found: {}", Shown(*value))]
    OutOfRange {
        /// The number's name.
        name: &'static str,
        /// What it must satisfy, such as `positive`.
        requirement: &'static str,
        /// Its value.
        value: f64,
    },
    /// Something is too large for the machine's memory.
    #[error("{what} wants {} of memory, this machine has: {}", Bytes(*bytes), Bytes(*limit))]
    Memory {
        /// What it is, with its size.
        what: String,
        /// The bytes that it wants at least.
        bytes: f64,
        /// The bytes that there are at most.
        limit: f64,
    },
    /// A time at which what is asked for does not follow from what is given.
    #[error("{operation} needs a time in [{from}, {to}], found: {}", Shown(*found))]
    Time {
        /// The operation that checked the time.
        operation: &'static str,
        /// The first allowed time.
        from: f64,
        /// The last allowed time.
        to: f64,
        /// The time it got.
        found: f64,
    },
    /// The interpolant is of the wrong kind.
    #[error("{operation} needs {requirement}")]
    Interpolant {
        /// The operation that was asked for.
        operation: &'static str,
        /// What it needs of the interpolant.
        requirement: &'static str,
    },
    /// The base of a path is another law than the operation can take.
    #[error("{operation} needs the base {requirement}")]
    Base {
        /// The operation that was asked for.
        operation: &'static str,
        /// The base that it needs.
        requirement: &'static str,
    },
    /// A coupling found no pairing for a batch.
    #[error("cannot pair a batch")]
    Coupling {
        /// What failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A matrix that has to be a covariance is not symmetric positive definite.
    #[error("{name} is not symmetric positive definite")]
    NotPositiveDefinite {
        /// The matrix's name.
        name: String,
    },
    /// A set of named parameters differs from the one it has to match.
    #[error("parameter `{name}`: {problem}")]
    ParameterMismatch {
        /// The first parameter that differs.
        name: String,
        /// How it differs.
        problem: String,
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
}

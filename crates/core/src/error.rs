//! The errors of this crate.

use crate::number::{Bytes, Shown};

/// The result of a fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an input was refused, with the operation that refused it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor's shape does not fit the operation.
    #[error("{operation}: expected shape {expected}, found: {found:?}")]
    Shape {
        /// The operation that checked the shape.
        operation: &'static str,
        /// The expected shape, with letters for free axes, such as `[B, 2]`.
        expected: String,
        /// The shape found.
        found: Vec<i64>,
    },
    /// A tensor has another floating-point kind, or is on another device, than the operation takes.
    #[error("{operation}: expected {expected}, found: {found}")]
    Kind {
        /// The operation that checked the tensor.
        operation: &'static str,
        /// The expected kind and device, such as `Float on Cpu`.
        expected: String,
        /// The kind and device found.
        found: String,
    },
    /// Points have other conditions than the operation takes, such as numbers instead of a class.
    #[error("{operation}: expected conditions: {expected}, found: {found}")]
    Given {
        /// The operation that checked the conditions.
        operation: &'static str,
        /// The expected conditions.
        expected: String,
        /// The conditions found.
        found: String,
    },
    /// A number lies outside its allowed range.
    #[error("{name} must be {requirement}, found: {}", Shown(*value))]
    OutOfRange {
        /// The number's name.
        name: &'static str,
        /// The requirement that it does not meet, such as `positive`.
        requirement: &'static str,
        /// Its value.
        value: f64,
    },
    /// Something is too large for the machine's memory.
    #[error("{what} needs {} of memory, this machine has: {}", Bytes(*bytes), Bytes(*limit))]
    Memory {
        /// The thing, with its size.
        what: String,
        /// The bytes that it needs at least.
        bytes: f64,
        /// The bytes that are available at most.
        limit: f64,
    },
    /// A quantity was asked for at a time at which it does not follow from what is given.
    #[error("{operation} needs a time in [{from}, {to}], found: {}", Shown(*found))]
    Time {
        /// The operation that checked the time.
        operation: &'static str,
        /// The first allowed time.
        from: f64,
        /// The last allowed time.
        to: f64,
        /// The time found.
        found: f64,
    },
    /// The interpolant does not have a property that the operation needs.
    #[error("{operation} needs {requirement}")]
    Interpolant {
        /// The operation that was asked for.
        operation: &'static str,
        /// The property.
        requirement: &'static str,
    },
    /// The base of a path is another law than the operation takes.
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
        /// The reason.
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
        /// The name of the first parameter that differs.
        name: String,
        /// How it differs.
        problem: String,
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
}

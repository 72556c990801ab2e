//! The errors of this crate.

use std::io;
use std::path::{Path, PathBuf};

use interflow_core::number::Shown;
use interflow_core::{GivenSpace, Space};

/// The result of a fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// The failure of something outside this crate: an observer, a companion, an objective.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Why a setting was refused or training failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A number of the config lies outside its allowed range.
    #[error("{name} must be {requirement}, found: {}", Shown(*value))]
    OutOfRange {
        /// The number's name in the config.
        name: &'static str,
        /// The requirement that it does not meet.
        requirement: &'static str,
        /// Its value.
        value: f64,
    },
    /// The points of a source have another dimension, or other conditions, than the network takes.
    #[error(
        "the {part} has points of another space than the network, expected: {}, found: {}",
        described(expected),
        described(found)
    )]
    Space {
        /// The source, such as `base`.
        part: &'static str,
        /// The dimension and conditions that the network takes.
        expected: Space,
        /// The dimension and conditions of the source's points.
        found: Space,
    },
    /// An objective cannot be used with the problem, the network or the config.
    #[error("the objective {objective} does not go with {part}\nhint: {hint}")]
    Objective {
        /// The objective's name in a config.
        objective: &'static str,
        /// What it cannot be used with.
        part: String,
        /// What to do instead.
        hint: &'static str,
    },
    /// Several processes cannot train this together.
    #[error("training in {processes} processes does not go with {part}\nhint: {hint}")]
    Processes {
        /// How many processes there are.
        processes: usize,
        /// What several processes cannot be used with.
        part: String,
        /// What to do instead.
        hint: &'static str,
    },
    /// An objective returned a gradient that does not have one part for each trained weight.
    #[error("a gradient has one part for each weight that is trained, expected: {expected}, found: {found}")]
    Gradient {
        /// The number of trained weights.
        expected: usize,
        /// The number of parts of the gradient.
        found: usize,
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
        /// What to do about it.
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
        /// The operation that failed.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The companion of the training failed.
    #[error("cannot train what goes with the velocity, at step {step}")]
    Companion {
        /// The number of steps taken.
        step: u64,
        /// The reason.
        #[source]
        source: Failure,
    },
    /// An observer failed.
    #[error("an observer failed after step {step}")]
    Observer {
        /// The number of steps taken.
        step: u64,
        /// Its reason.
        #[source]
        source: Failure,
    },
    /// Code outside this crate, such as an objective of your own, failed.
    #[error("cannot {operation}")]
    Failed {
        /// The operation that failed.
        operation: &'static str,
        /// Its reason.
        #[source]
        source: Failure,
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
    /// A function of the library's own binding of libtorch failed, such as a multi-tensor kernel.
    #[error(transparent)]
    Kernel(#[from] interflow_libtorch::Error),
    /// A solver refused its settings or failed on the way.
    #[error(transparent)]
    Solver(#[from] interflow_solvers::Error),
    /// An error of the mathematics (`interflow_core`), such as tensors of the wrong shape.
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

/// The system's reason why `operation` failed on the file or folder `path`.
pub(crate) fn io_error(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { operation, path: path.to_owned(), source }
}

/// A space in words.
fn described(space: &Space) -> String {
    let given = match space.given {
        GivenSpace::Nothing {} => "nothing".to_owned(),
        GivenSpace::Numbers { n } => format!("{n} numbers"),
        GivenSpace::Class { n_classes } => format!("one of {n_classes} classes"),
        _ => "other conditions".to_owned(),
    };
    format!("dimension {} given {given}", space.dim)
}

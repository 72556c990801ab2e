//! The errors of this crate.

use interflow_core::memory;
use tch::Kind;

/// The result of a fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a network cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A size in its config is not allowed.
    #[error("{name} must be {requirement}, found: {found}")]
    Size {
        /// The size's name in the config.
        name: &'static str,
        /// The requirement that it does not meet.
        requirement: &'static str,
        /// The value that was found.
        found: String,
    },
    /// A network cannot take the conditions that the data's points have.
    #[error("a {network} can be given {takes} only\nhint: take a perceptron, or leave the conditions out")]
    Given {
        /// The network's kind in the config.
        network: &'static str,
        /// The conditions that it can take.
        takes: &'static str,
    },
    /// An error of the mathematics (`interflow_core`), such as tensors of the wrong shape.
    #[error(transparent)]
    Core(#[from] interflow_core::Error),
}

/// The largest size that a network can have: products of three of them still fit where they are multiplied.
pub(crate) const MOST: i64 = 1 << 20;

/// Refuses a size that is not positive, or that no network has.
pub(crate) fn check_positive(name: &'static str, found: i64) -> Result<()> {
    match found {
        1..=MOST => Ok(()),
        ..1 => Err(Error::Size { name, requirement: "positive", found: found.to_string() }),
        _ => Err(Error::Size { name, requirement: "at most 2²⁰", found: found.to_string() }),
    }
}

/// Refuses a dimension that points cannot have.
pub(crate) fn check_dim(found: i64) -> Result<()> {
    if (1..=1 << 40).contains(&found) {
        return Ok(());
    }
    Err(Error::Size { name: "dim", requirement: "from 1 to 2⁴⁰", found: found.to_string() })
}

/// Refuses a number of blocks that is not positive, or that no network has: each is several tensors of its own.
pub(crate) fn check_blocks(found: i64) -> Result<()> {
    if (1..=1024).contains(&found) {
        return Ok(());
    }
    Err(Error::Size { name: "n_blocks", requirement: "from 1 to 1024", found: found.to_string() })
}

/// Refuses a network whose `n_scalars` weights of `kind` cannot be held in memory.
pub(crate) fn check_memory(n_scalars: f64, kind: Kind) -> Result<()> {
    let bytes = n_scalars * kind.elt_size_in_bytes() as f64;
    Ok(memory::check(format!("a network of {n_scalars:.1e} weights"), bytes)?)
}

/// Refuses a share that would leave nothing.
pub(crate) fn check_share(name: &'static str, found: f64) -> Result<()> {
    if (0.0..1.0).contains(&found) {
        return Ok(());
    }
    Err(Error::Size { name, requirement: "in [0, 1)", found: found.to_string() })
}

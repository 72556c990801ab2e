//! What can go wrong in this crate.

/// The result of a fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// A network that cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A size is not allowed.
    #[error("{name} must be {requirement}, found: {found}")]
    Size {
        /// The size's name in the config.
        name: &'static str,
        /// What it must satisfy.
        requirement: &'static str,
        /// What it is.
        found: String,
    },
    /// A network cannot be given what the data's points are given.
    #[error("a {network} can be given {takes} only\nhint: take a perceptron, or leave the conditions out")]
    Given {
        /// The network's kind in the config.
        network: &'static str,
        /// What it can be given.
        takes: &'static str,
    },
    /// An operation of `interflow-core` failed.
    #[error(transparent)]
    Core(#[from] interflow_core::Error),
}

/// Refuses a size that is not positive.
pub(crate) fn check_positive(name: &'static str, found: i64) -> Result<()> {
    if found > 0 {
        return Ok(());
    }
    Err(Error::Size { name, requirement: "positive", found: found.to_string() })
}

/// Refuses a share that would leave nothing.
pub(crate) fn check_share(name: &'static str, found: f64) -> Result<()> {
    if (0.0..1.0).contains(&found) {
        return Ok(());
    }
    Err(Error::Size { name, requirement: "in [0, 1)", found: found.to_string() })
}

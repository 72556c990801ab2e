//! The sizes of the parts of a data set.

use std::fmt;

/// The number of rows of each part of a data set, and the number of columns of all parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// The number of training rows.
    pub train: i64,
    /// The number of validation rows.
    pub validation: i64,
    /// The number of test rows.
    pub test: i64,
    /// The number of columns.
    pub dim: i64,
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} + {} + {} rows of {} columns", self.train, self.validation, self.test, self.dim)
    }
}

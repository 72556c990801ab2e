//! Shape checks at the public edges; inside them tensor operations may assume what was checked.

use tch::Tensor;

use crate::error::{Error, Result};

/// Checks that `x` is a batch of points, `[B, dim]` with any `B`.
///
/// # Errors
/// [`Error::Shape`] naming `operation`.
pub fn check_points(operation: &'static str, x: &Tensor, dim: i64) -> Result<()> {
    let found = x.size();
    if found.len() == 2 && found[1] == dim {
        return Ok(());
    }
    Err(Error::Shape { operation, expected: format!("[B, {dim}]"), found })
}

/// Checks that `t` holds one time for each of `batch` points, `[batch]`.
///
/// # Errors
/// [`Error::Shape`] naming `operation`.
pub fn check_times(operation: &'static str, t: &Tensor, batch: i64) -> Result<()> {
    let found = t.size();
    if found == [batch] {
        return Ok(());
    }
    Err(Error::Shape { operation, expected: format!("[{batch}]"), found })
}

/// Checks that `b` has the shape of `a`.
///
/// # Errors
/// [`Error::Shape`] naming `operation`.
pub fn check_same(operation: &'static str, a: &Tensor, b: &Tensor) -> Result<()> {
    let (expected, found) = (a.size(), b.size());
    if expected == found {
        return Ok(());
    }
    Err(Error::Shape { operation, expected: format!("{expected:?}"), found })
}

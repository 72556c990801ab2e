//! Checks of shapes and kinds at public functions; inside them tensor operations rely on what was checked.

use tch::{Device, Kind, Tensor};

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

/// Checks that `x` is a batch of states, `[B, dim]` with any `B`, of a floating-point kind.
///
/// # Errors
/// [`Error::Shape`] or [`Error::Kind`] naming `operation`.
pub fn check_states(operation: &'static str, x: &Tensor, dim: i64) -> Result<()> {
    check_points(operation, x, dim)?;
    check_floating(operation, x)
}

/// Checks that `x` is of a floating-point kind.
///
/// # Errors
/// [`Error::Kind`] naming `operation`.
pub fn check_floating(operation: &'static str, x: &Tensor) -> Result<()> {
    if x.is_floating_point() {
        return Ok(());
    }
    let (expected, found) = ("floating-point numbers".to_owned(), format!("{:?}", x.kind()));
    Err(Error::Kind { operation, expected, found })
}

/// Checks that `x` is of this kind and on this device.
///
/// # Errors
/// [`Error::Kind`] naming `operation`.
pub fn check_placement(operation: &'static str, x: &Tensor, (kind, device): (Kind, Device)) -> Result<()> {
    if x.kind() == kind && x.device() == device {
        return Ok(());
    }
    let named = |(kind, device): (Kind, Device)| format!("{kind:?} on {device:?}");
    Err(Error::Kind { operation, expected: named((kind, device)), found: named((x.kind(), x.device())) })
}

/// Checks that `b` has the shape, the kind and the device of `a`.
///
/// # Errors
/// [`Error::Shape`] or [`Error::Kind`] naming `operation`.
pub fn check_like(operation: &'static str, a: &Tensor, b: &Tensor) -> Result<()> {
    check_same(operation, a, b)?;
    check_placement(operation, b, (a.kind(), a.device()))
}

/// Checks that `t` holds a time in [0, 1] for each of `batch` points, `[batch]`.
///
/// # Errors
/// [`Error::Shape`] or [`Error::Time`] naming `operation`.
pub fn check_path_times(operation: &'static str, t: &Tensor, batch: i64) -> Result<()> {
    check_times(operation, t, batch)?;
    if batch == 0 {
        return Ok(());
    }
    // Asked at every step of training: one pass over the times, whose ends are NaN where one of them is.
    let (least, greatest) = t.aminmax(None::<i64>, false);
    let [least, greatest] = [least, greatest].map(|end| end.double_value(&[]));
    if least >= 0.0 && greatest <= 1.0 {
        return Ok(());
    }
    let outside = t.ge(0.0).logical_and(&t.le(1.0)).logical_not();
    let first = outside.nonzero().int64_value(&[0, 0]);
    Err(Error::Time { operation, from: 0.0, to: 1.0, found: t.double_value(&[first]) })
}

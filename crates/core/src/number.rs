//! Numbers as messages show them.

use std::fmt;

/// A number in a message: as it is where that takes few digits, else in scientific notation, so that 1e300 does not fill a
/// screen and 1e-310 does not read as zeros.
///
/// ```
/// use interflow_core::number::Shown;
///
/// let shown = [0.1, 3.0, 20_000.0, 1e300, 1e-310, f64::NAN].map(|number| Shown(number).to_string());
/// assert_eq!(shown, ["0.1", "3", "20000", "1e300", "1e-310", "NaN"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shown(pub f64);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        if size == 0.0 || !size.is_finite() || (1e-5..1e16).contains(&size) {
            write!(f, "{}", self.0)
        } else {
            write!(f, "{:e}", self.0)
        }
    }
}

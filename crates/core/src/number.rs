//! Numbers in messages.

use std::fmt;

/// A number in a message: in full if that takes few digits, and otherwise in scientific notation, so that 1e300 does
/// not fill a screen and 1e-310 does not read as zeros.
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

/// A number of bytes in a message, with three digits and a decimal unit such as GB.
///
/// ```
/// use interflow_core::number::Bytes;
///
/// let shown = [512.0, 16e12, 1.5e9, 24.57e9, 3e30].map(|bytes| Bytes(bytes).to_string());
/// assert_eq!(shown, ["512 bytes", "16 TB", "1.5 GB", "24.6 GB", "3e12 EB"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bytes(pub f64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];
        let size = self.0.max(1.0);
        let power = (size.log10() / 3.0).floor().min(units.len() as f64 - 1.0);
        // Three digits, as a number that is shown without those that are zero.
        let place = 10f64.powf(size.log10().floor() - 2.0);
        let number = (size / place).round() * place / 1000f64.powf(power);
        let rounded = format!("{number:.2}");
        let number = rounded.parse().unwrap_or(number);
        let shown = if number < 1e6 { format!("{number}") } else { format!("{number:e}") };
        write!(f, "{shown} {}", units[power as usize])
    }
}

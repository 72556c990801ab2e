//! The outcome of a check.

use serde::Serialize;

use crate::precision::Precision;

/// The outcome of a check on one device in one precision, which is one line of JSON.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The check's name.
    pub check: &'static str,
    /// The precision's name.
    pub precision: &'static str,
    /// Whether both places computed the same up to the tolerance.
    pub agrees: bool,
    /// The largest difference, as a share of the largest number of its tensor; none where one of the two failed.
    pub difference: Option<f64>,
    /// The name of the value with that difference.
    pub of: String,
    /// What the difference may be.
    pub tolerance: f64,
    /// Whether some value was on the device; those of measures that come to the CPU for their last sums are not.
    pub on_device: bool,
    /// The seconds on the CPU and on the device, the first calls of its libraries included.
    pub seconds: [f64; 2],
    /// Why there is nothing to compare.
    pub error: Option<String>,
}

impl Report {
    /// A report that nothing is known for yet.
    pub(super) fn new(check: &'static str, precision: Precision, tolerance: f64) -> Self {
        Self {
            check,
            precision: precision.name(),
            agrees: false,
            difference: None,
            of: String::new(),
            tolerance,
            on_device: false,
            seconds: [0.0; 2],
            error: None,
        }
    }
}

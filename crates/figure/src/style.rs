//! Sizes that all figures share, in points.

/// The numbers at ticks.
pub(crate) const TICK: f64 = 9.5;
/// The names of axes and the words of legends.
pub(crate) const NAME: f64 = 10.5;
/// The titles of panels.
pub(crate) const TITLE: f64 = 11.5;
/// Lines that matter.
pub(crate) const STROKE: f64 = 1.7;
/// Between things that belong together, and between those that do not.
pub(crate) const NEAR: f64 = 5.0;
pub(crate) const FAR: f64 = 12.0;

//! What a solve does besides computing the end points.

use crate::event::Event;

/// What happens to a batch if a row fails: meets a number that is not finite, or runs out of steps or of the
/// resolution of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Failures {
    /// The solve fails with an error that names the row.
    #[default]
    Refuse,
    /// The row ends as NaN, with its reason, and the others continue.
    Keep,
}

/// The states that a solve saves, the events that stop it, and its treatment of rows that fail.
#[derive(Debug, Clone, Copy, Default)]
pub struct SolveOptions<'a> {
    /// The times between start and end at which states are saved. They cost no calls of the field and change no step,
    /// because states within a step are interpolated.
    pub save_at: &'a [f64],
    /// The events that stop a row before the end.
    pub events: &'a [&'a dyn Event],
    /// What happens if rows fail.
    pub failures: Failures,
}

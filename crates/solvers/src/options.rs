//! What a solve is asked for beside its end.

use crate::event::Event;

/// What becomes of a batch in which some row fails: meets a non-finite number, or runs out of steps or of resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Failures {
    /// The solve fails with an error that names the row.
    #[default]
    Refuse,
    /// The row ends as NaN with its reason, and the others go on.
    Keep,
}

/// What a solve saves, what stops it, and what it does about rows that fail.
#[derive(Clone, Copy, Default)]
pub struct SolveOptions<'a> {
    /// Times between start and end at which states are wanted. They cost no calls of the field and change no step: the
    /// states between the ends of steps are interpolated.
    pub save_at: &'a [f64],
    /// What stops a row before the end.
    pub events: &'a [&'a dyn Event],
    /// What becomes of rows that fail.
    pub failures: Failures,
}

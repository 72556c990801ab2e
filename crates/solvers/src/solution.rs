//! What an integration returns, and what it cost.

use tch::Tensor;

/// Why a row stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum StopReason {
    /// It reached the end time.
    #[default]
    ReachedEnd,
    /// An event stopped it ([`crate::Event`]).
    Event {
        /// The event's place in the list of events.
        event: usize,
    },
    /// The field or the state stopped being finite.
    NonFinite,
    /// It used up the allowed number of steps.
    StepLimit,
    /// The tolerance asked for steps below the resolution of time.
    StepTooSmall,
}

/// The cost of an integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Calls of the right-hand side on a batch.
    pub nfe: u64,
    /// Those of them that computed the rates of integrals too, such as divergences, and not the velocity alone.
    pub nfe_with_integrals: u64,
    /// Steps accepted, over all rows.
    pub accepted_steps: u64,
    /// Steps rejected, over all rows.
    pub rejected_steps: u64,
    /// Why the integration stopped: that every row reached the end, or the reason of the first row that did not.
    pub stop: StopReason,
}

/// The end of a batch of trajectories.
#[derive(Debug)]
pub struct Solution {
    /// The end points, `[B, D]`.
    pub x: Tensor,
    /// `∫ ∇·v dτ` from the start to the end along each trajectory, `[B]`, where it was asked for.
    pub divergence_integral: Option<Tensor>,
    /// The cost.
    pub statistics: Statistics,
}

/// A batch of trajectories with what was asked for along the way ([`crate::SolveOptions`]).
#[derive(Debug)]
pub struct Trajectory {
    /// The states where the rows stopped, `[B, D + K]`: points and integrals; NaN for rows that failed.
    pub y: Tensor,
    /// The times at which the rows stopped, `[B]` in f64.
    pub t: Tensor,
    /// The states at each time that was to be saved, `[B, D + K]`; NaN for rows that had stopped before.
    pub saved: Vec<Tensor>,
    /// Why each row stopped, B of them.
    pub stops: Vec<StopReason>,
    /// The cost.
    pub statistics: Statistics,
}

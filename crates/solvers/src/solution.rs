//! The results of an integration and its cost.

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
        /// The index of the event in the list of events.
        event: usize,
    },
    /// The field or the state ceased to be finite.
    NonFinite,
    /// It used up its steps.
    StepLimit,
    /// The tolerance asked for steps below the floating-point resolution of time.
    StepTooSmall,
}

/// The cost of an integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// The NFE: the number of calls of the right-hand side, each on a batch.
    pub nfe: u64,
    /// The number of those calls that also computed the rates of integrals, such as divergences, and not only the
    /// velocity.
    pub nfe_with_integrals: u64,
    /// The number of accepted steps, over all rows.
    pub accepted_steps: u64,
    /// The number of rejected steps, over all rows.
    pub rejected_steps: u64,
    /// Why the integration ended: every row reached the end, or the reason of the first row that did not.
    pub stop: StopReason,
}

/// The end points of a batch of trajectories.
#[derive(Debug)]
pub struct Solution {
    /// The end points, `[B, D]`.
    pub x: Tensor,
    /// The integral `∫ ∇·v dτ` from start to end along each trajectory, `[B]`, if it was asked for.
    pub divergence_integral: Option<Tensor>,
    /// The cost of the solve.
    pub statistics: Statistics,
}

/// A batch of trajectories with everything that was asked for ([`crate::SolveOptions`]).
#[derive(Debug)]
pub struct Trajectory {
    /// The states at which the rows stopped, `[B, D + K]`: points and integrals. Rows that failed are NaN.
    pub y: Tensor,
    /// The times at which the rows stopped, `[B]` in f64.
    pub t: Tensor,
    /// The states at each of the times to save at, `[B, D + K]`. Rows that had stopped before are NaN.
    pub saved: Vec<Tensor>,
    /// Why each of the B rows stopped.
    pub stops: Vec<StopReason>,
    /// The cost of the solve.
    pub statistics: Statistics,
}

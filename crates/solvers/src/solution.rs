//! What an integration returns, and what it cost.

use tch::Tensor;

/// Why an integration stopped without failing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum StopReason {
    /// Every sample reached the end time.
    #[default]
    ReachedEnd,
}

/// The cost of an integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Network calls on the batch.
    pub nfe: u64,
    /// Steps accepted, over all samples.
    pub accepted_steps: u64,
    /// Steps rejected, over all samples.
    pub rejected_steps: u64,
    /// Why the integration stopped.
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

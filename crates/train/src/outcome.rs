//! How a run ended.

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// All steps were taken.
    Finished,
    /// An observer asked to stop.
    Interrupted,
    /// The held-out objective did not improve for the number of checks in `patience`.
    EarlyStop,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// The number of steps taken in all, including those before a resumption.
    pub steps: u64,
    /// Why the run ended.
    pub stop: StopReason,
    /// The duration of this call, in seconds.
    pub train_secs: f64,
}

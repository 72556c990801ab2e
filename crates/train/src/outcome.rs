//! How a run ended.

/// Why a run stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// All steps were taken.
    Finished,
    /// An observer asked to stop.
    Interrupted,
    /// The held-out objective did not improve for as long as the patience lasted.
    EarlyStop,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// The steps taken in all, resumed ones included.
    pub steps: u64,
    /// Why it stopped.
    pub stop: StopReason,
    /// The time this call took.
    pub train_secs: f64,
}

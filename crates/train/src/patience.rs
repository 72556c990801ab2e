//! Early stopping: how long the held-out objective has not improved.

/// The best objective so far and the checks since.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Patience {
    pub(crate) best: Option<f64>,
    pub(crate) n_worse: u32,
}

impl Patience {
    /// Takes note of one more check.
    pub(crate) fn observe(&mut self, objective: f64) {
        if self.best.is_none_or(|best| objective < best) {
            *self = Self { best: Some(objective), n_worse: 0 };
        } else {
            self.n_worse += 1;
        }
    }

    /// Whether there were too many checks without a new best.
    pub(crate) fn exhausted(&self, limit: Option<u32>) -> bool {
        limit.is_some_and(|limit| self.n_worse >= limit)
    }
}

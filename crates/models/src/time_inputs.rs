//! What a network sees of the time.

use std::sync::Arc;

use interflow_core::interpolant::Schedule;
use tch::Tensor;

use crate::time_embedding::TimeEmbedding;

/// An embedding of the time with the schedule that its logarithmic clock reads.
#[derive(Debug, Clone)]
pub(crate) struct TimeInputs {
    embedding: TimeEmbedding,
    schedule: Arc<dyn Schedule>,
}

/// With the embedding's own schedule.
impl From<TimeEmbedding> for TimeInputs {
    fn from(embedding: TimeEmbedding) -> Self {
        Self { embedding, schedule: embedding.schedule().build().into() }
    }
}

impl TimeInputs {
    /// The same with a clock that reads another schedule.
    pub(crate) fn along(self, schedule: Arc<dyn Schedule>) -> Self {
        Self { schedule, ..self }
    }

    /// The features `[B, E]` of times `t`, `[B]`.
    pub(crate) fn value(&self, t: &Tensor) -> Tensor {
        self.embedding.embed(t, &*self.schedule)
    }

    /// The features and their derivatives in time, both `[B, E]`.
    pub(crate) fn value_and_rate(&self, t: &Tensor) -> (Tensor, Tensor) {
        self.embedding.embed_with_rate(t, &*self.schedule)
    }

    /// The features `[B, 2E]` of the times of jumps, those of the start first.
    pub(crate) fn pair(&self, from: &Tensor, to: &Tensor) -> Tensor {
        Tensor::cat(&[self.value(from), self.value(to)], 1)
    }

    /// The features `[B, 2E]` of jumps that start and land at `t`.
    pub(crate) fn diagonal(&self, t: &Tensor) -> Tensor {
        let features = self.value(t);
        Tensor::cat(&[&features, &features], 1)
    }
}

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
}

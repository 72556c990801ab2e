//! What a perceptron sees of the state, with its derivative in the state.

use std::sync::Arc;

use interflow_core::interpolant::{Schedule, ScheduleCoefficients};
use tch::Tensor;

use crate::error::Result;
use crate::state_features::StateFeatures;

/// The state `x` and, where asked for, damped waves of each coordinate: `n = D (1 + 2K)` numbers.
#[derive(Debug, Clone)]
pub(crate) struct StateInputs {
    dim: i64,
    features: Option<StateFeatures>,
    /// Where the waves' α and β come from.
    schedule: Arc<dyn Schedule>,
}

impl StateInputs {
    /// Those of a state of D = `dim` coordinates with the features' own schedule.
    pub(crate) fn new(dim: i64, features: Option<StateFeatures>) -> Self {
        let kind = features.map(|features| features.schedule).unwrap_or_default();
        Self { dim, features, schedule: kind.build().into() }
    }

    /// The same with α and β from another schedule.
    pub(crate) fn along(self, schedule: Arc<dyn Schedule>) -> Self {
        Self { schedule, ..self }
    }

    fn coefficients(&self, t: &Tensor) -> ScheduleCoefficients {
        self.schedule.coefficients(t)
    }

    pub(crate) fn check(&self) -> Result<()> {
        self.features.map_or(Ok(()), StateFeatures::check)
    }

    /// How many numbers: n.
    pub(crate) fn n(&self) -> i64 {
        self.dim * (1 + self.features.map_or(0, StateFeatures::n_per_coordinate))
    }

    /// The numbers `[B, n]`.
    pub(crate) fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        match self.features {
            None => x.shallow_clone(),
            Some(features) => Tensor::cat(&[x, &features.value(&self.coefficients(t), x).flatten(1, 2)], 1),
        }
    }

    /// The numbers and their derivative along `u`, both `[B, n]`.
    pub(crate) fn value_and_tangent(&self, t: &Tensor, x: &Tensor, u: &Tensor) -> (Tensor, Tensor) {
        let Some(features) = self.features else {
            return (x.shallow_clone(), u.shallow_clone());
        };
        let (waves, slope) = features.value_and_slope(&self.coefficients(t), x);
        let tangent = (slope * u.unsqueeze(2)).flatten(1, 2);
        (Tensor::cat(&[x, &waves.flatten(1, 2)], 1), Tensor::cat(&[u, &tangent], 1))
    }

    /// The numbers and their derivative in time for states that move with velocities `velocity`, both `[B, n]`.
    pub(crate) fn value_and_rate(&self, t: &Tensor, x: &Tensor, velocity: &Tensor) -> (Tensor, Tensor) {
        let Some(features) = self.features else {
            return (x.shallow_clone(), velocity.shallow_clone());
        };
        let (waves, rate) = features.value_and_rate(&self.coefficients(t), x, velocity);
        let together = |x: &Tensor, waves: &Tensor| Tensor::cat(&[x, &waves.flatten(1, 2)], 1);
        (together(x, &waves), together(velocity, &rate))
    }

    /// The numbers `[B, n]` and, for a layer's weights `[H, n]`, the layer's derivatives along the D unit
    /// directions, `[D, B, H]`, or `[D, 1, H]` where they are the same for all rows: columns of the weights, so that the first
    /// layer costs no product of its own.
    pub(crate) fn value_and_unit_tangents(
        &self,
        t: &Tensor,
        x: &Tensor,
        weight: &Tensor,
    ) -> (Tensor, Tensor) {
        let (dim, width) = (self.dim, weight.size()[0]);
        let columns = weight.narrow(1, 0, dim).tr().unsqueeze(1);
        let Some(features) = self.features else {
            return (x.shallow_clone(), columns);
        };
        let (waves, slope) = features.value_and_slope(&self.coefficients(t), x);
        let n_waves = features.n_per_coordinate();
        let wave_columns =
            weight.narrow(1, dim, dim * n_waves).reshape([width, dim, n_waves]).permute([1, 2, 0]);
        let tangents = slope.transpose(0, 1).bmm(&wave_columns) + columns;
        (Tensor::cat(&[x, &waves.flatten(1, 2)], 1), tangents)
    }
}

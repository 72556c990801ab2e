//! One step: the objective's gradient, the optimiser, the average, and the companion's turn.

use interflow_libtorch::{foreach_mul_, total_norm};
use tch::Tensor;

use super::Trainer;
use crate::companion::{Companion, Turn};
use crate::error::{Error, Result};
use crate::objective::Gradient;

/// What a step has to report.
pub(super) struct Step {
    pub(super) loss: Tensor,
    pub(super) grad_norm: f64,
    pub(super) learning_rate: f64,
}

impl Trainer {
    /// Takes one step.
    pub(super) fn advance(&mut self) -> Result<Step> {
        let Gradient { loss, of_weights } =
            self.config.with_tf32(|| self.objective.gradient(&self.training_step()))?;
        let step = self.step + 1;
        let grad_norm = total_norm(&of_weights)?;
        if !grad_norm.is_finite() {
            return Err(Error::NotFinite { step, loss: loss.double_value(&[]), grad_norm });
        }
        if let Some(limit) = self.config.clip_norm
            && grad_norm > limit
        {
            foreach_mul_(&of_weights, limit / grad_norm)?;
        }
        let factor = self.config.schedule.factor(self.step, self.config.steps, self.config.warmup_steps);
        let device = self.network.parameters().device();
        self.config.in_precision(device, || self.optimizer.step(&of_weights, step, factor))??;
        if let Some(ema) = &mut self.ema {
            ema.update(self.optimizer.params(), step)?;
        }
        self.step = step;
        let learning_rate = self.config.optimizer.learning_rate * factor;
        Ok(Step { loss: loss.detach(), grad_norm, learning_rate })
    }

    /// What `body` makes of the companion, if there is one, and the run's present state.
    pub(super) fn with_companions_turn<T>(
        &mut self,
        body: impl FnOnce(&mut dyn Companion, &Turn<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let Some(mut companion) = self.companion.take() else { return Ok(None) };
        let parameters = self.network.parameters();
        let turn = Turn {
            network: &*self.network,
            ema_network: self.ema_network(),
            problem: &self.problem,
            step: self.step,
            seed: self.seed,
            times: &self.times,
            placement: (parameters.kind(), parameters.device()),
        };
        let made = body(&mut *companion, &turn);
        self.companion = Some(companion);
        made.map(Some)
    }
}

//! One step: the objective's gradient, the optimiser, the average, and the companion's turn.

use interflow_libtorch::{foreach_mul_, foreach_scale_, total_norm};
use tch::{Kind, Tensor};

use super::{Together, Trainer};
use crate::companion::{Companion, Turn};
use crate::error::{Error, Result};
use crate::objective::{Gradient, TrainingStep};

impl Trainer {
    /// Takes one step. Its loss and its norm are left to be read: on the CPU the norm is read at once, and what is not finite
    /// never reaches the weights; a GPU would have to be waited for.
    ///
    /// Where several processes train together, both are the means over all of them, and `stop` says whether this one wants to.
    pub(super) fn advance(&mut self, stop: bool) -> Result<()> {
        let pass_mean = self.together.as_ref().and_then(Together::pass_mean);
        let training_step = TrainingStep { pass_mean, ..self.training_step() };
        let gradient = self.config.with_tf32(|| self.objective.gradient(&training_step))?;
        if let Some(together) = &mut self.together {
            together.average(&gradient, stop)?;
        }
        let Gradient { loss, of_weights } = gradient;
        let step = self.step + 1;
        let norm = total_norm(&of_weights)?;
        if self.prepared.is_none() {
            self.clip_at_once(&of_weights, (step, &loss, norm.double_value(&[])))?;
        } else {
            self.clip_unread(&of_weights, &norm)?;
        }
        self.unread.push(step, &loss, norm);
        let factor = self.learning_factor();
        let device = self.network.parameters().device();
        self.config.in_precision(device, || self.optimizer.step(&of_weights, step, factor))??;
        if let Some(ema) = &mut self.ema {
            ema.update(self.optimizer.params(), step)?;
        }
        self.step = step;
        Ok(())
    }

    /// The learning rate's share of its full value in the next step.
    pub(super) fn learning_factor(&self) -> f64 {
        self.config.schedule.factor(self.step, self.config.steps, self.config.warmup_steps)
    }

    /// Scales a gradient down to the limit, if its norm is above it.
    fn clip_at_once(&self, gradient: &[Tensor], (step, loss, grad_norm): (u64, &Tensor, f64)) -> Result<()> {
        if !grad_norm.is_finite() {
            return Err(Error::NotFinite { step, loss: loss.double_value(&[]), grad_norm });
        }
        match self.config.clip_norm {
            Some(limit) if grad_norm > limit => Ok(foreach_mul_(gradient, limit / grad_norm)?),
            _ => Ok(()),
        }
    }

    /// The same to the bit, without a look at the norm: by `min(1, limit / norm)`, on the device.
    fn clip_unread(&self, gradient: &[Tensor], norm: &Tensor) -> Result<()> {
        let Some(limit) = self.config.clip_norm else { return Ok(()) };
        let limit = Tensor::full([0i64; 0], limit, (Kind::Double, norm.device()));
        let factor = (limit / norm.to_kind(Kind::Double)).clamp_max(1.0).to_kind(norm.kind());
        Ok(foreach_scale_(gradient, &factor)?)
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
            placement: (parameters.kind(), parameters.device()),
        };
        let made = body(&mut *companion, &turn);
        self.companion = Some(companion);
        made.map(Some)
    }
}

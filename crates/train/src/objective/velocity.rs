//! The velocity of the path, by regression on the path's derivative (\[AV23\] eq. 10).

use interflow_models::VelocityAndDenoiser;

use super::Objective;
use super::form::ObjectiveForm;
use super::held_out::HeldOut;
use super::regression::Regression;
use super::setting::Setting;
use super::step::{Gradient, TrainingStep};
use crate::error::Result;
use crate::self_check::TermCheck;

/// The regression of the velocity: `G(v̂) = ∫E[|v̂|² − 2 ẋ·v̂] dt` or the mean square `∫E|v̂ − ẋ|² dt`, whose
/// minimiser is the velocity `E[ẋ_t | x_t = x]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VelocityMatching {
    /// The form of the loss.
    pub form: ObjectiveForm,
}

impl VelocityMatching {
    /// The objective's name in a config.
    pub const NAME: &'static str = "velocity";
}

impl Objective for VelocityMatching {
    fn check(&self, setting: &Setting<'_>) -> Result<()> {
        if setting.network.part(VelocityAndDenoiser::DENOISER).is_none() {
            return Ok(());
        }
        let hint = "take the objective velocity-with-denoiser, or leave the denoiser out";
        setting.refuse(Self::NAME, "a network that holds a denoiser", hint)
    }

    fn gradient(&self, step: &TrainingStep<'_>) -> Result<Gradient> {
        step.gradient_of(|part, draw| {
            let value = step.value_of(step.network, part, draw)?;
            Ok(self.form.loss(&value, &part.path_derivative))
        })
    }

    fn held_out(&self, held_out: &HeldOut<'_>) -> Result<Vec<TermCheck>> {
        let mut velocity = Regression::new(Self::NAME);
        for batch in held_out.batches() {
            let batch = batch?;
            velocity.add(&batch.value_of(held_out.network), &batch.path_derivative, &batch);
        }
        Ok(vec![velocity.check()])
    }
}

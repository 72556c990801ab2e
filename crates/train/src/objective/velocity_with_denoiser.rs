//! The velocity and the denoiser of a path with a latent, learned side by side (\[ABV23\]).

use interflow_core::Network;
use interflow_models::VelocityAndDenoiser;

use super::Objective;
use super::form::ObjectiveForm;
use super::held_out::HeldOut;
use super::regression::Regression;
use super::setting::Setting;
use super::step::{Gradient, TrainingStep};
use super::velocity::VelocityMatching;
use crate::error::{Error, Result};
use crate::self_check::TermCheck;

/// The objective of the velocity plus that of the denoiser, `∫E[|η̂|² − 2 z·η̂] dt`, whose minimiser is
/// `E[z | x_t = x]`. The network's part [`VelocityAndDenoiser::DENOISER`] has to be the denoiser.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VelocityWithDenoiser {
    /// The form of both losses.
    pub form: ObjectiveForm,
}

impl VelocityWithDenoiser {
    /// The objective's name in a config.
    pub const NAME: &'static str = "velocity-with-denoiser";
}

impl Objective for VelocityWithDenoiser {
    fn check(&self, setting: &Setting<'_>) -> Result<()> {
        denoiser(setting.network)?;
        if setting.problem.interpolant.has_latent() {
            return Ok(());
        }
        let hint = "give the interpolant a gamma, or take the objective velocity and leave the denoiser out";
        setting.refuse(Self::NAME, "a path without a latent", hint)
    }

    fn gradient(&self, step: &TrainingStep<'_>) -> Result<Gradient> {
        let denoiser = denoiser(step.network)?;
        step.gradient_of(|part, draw| {
            let velocity = step.value_of(step.network, part, draw)?;
            let loss = self.form.loss(&velocity, &part.path_derivative);
            let eta = step.value_of(denoiser, part, draw)?;
            Ok(loss + self.form.loss(&eta, part.latent()?))
        })
    }

    fn held_out(&self, held_out: &HeldOut<'_>) -> Result<Vec<TermCheck>> {
        let network = denoiser(held_out.network)?;
        let (mut velocity, mut denoiser) =
            (Regression::new(VelocityMatching::NAME), Regression::new("denoiser"));
        for batch in held_out.batches() {
            let batch = batch?;
            velocity.add(&batch.value_of(held_out.network), &batch.path_derivative, &batch);
            denoiser.add(&batch.value_of(network), batch.latent()?, &batch);
        }
        Ok(vec![velocity.check(), denoiser.check()])
    }
}

/// The network's denoiser, which has to be there.
fn denoiser(network: &dyn Network) -> Result<&dyn Network> {
    network.part(VelocityAndDenoiser::DENOISER).ok_or_else(|| Error::Objective {
        objective: VelocityWithDenoiser::NAME,
        part: "a network without a denoiser".to_owned(),
        hint: "make the network a VelocityAndDenoiser, or take the objective velocity",
    })
}

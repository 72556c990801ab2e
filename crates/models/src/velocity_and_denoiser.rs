//! A velocity with a denoiser beside it: two networks that are trained, averaged and saved as one.

use interflow_core::rng::Draw;
use interflow_core::{Network, Parameters, VectorField};
use tch::Tensor;

/// A velocity's network and a denoiser's, seen as the velocity; weights are named `velocity.*` and `denoiser.*`.
pub struct VelocityAndDenoiser {
    velocity: Box<dyn Network>,
    denoiser: Box<dyn Network>,
    /// Handles on the weights of both.
    parameters: Parameters,
}

/// The prefixes of the weights' names.
const VELOCITY: &str = "velocity.";
const DENOISER: &str = "denoiser.";

impl VelocityAndDenoiser {
    /// The pair of two networks for points of the same dimension.
    pub fn new(velocity: Box<dyn Network>, denoiser: Box<dyn Network>) -> Self {
        let mut parameters = Parameters::new();
        parameters.include(VELOCITY, velocity.parameters());
        parameters.include(DENOISER, denoiser.parameters());
        Self { velocity, denoiser, parameters }
    }
}

impl VectorField for VelocityAndDenoiser {
    fn dim(&self) -> i64 {
        self.velocity.dim()
    }

    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        self.velocity.value(t, x)
    }

    fn value_and_quadratic_form(&self, t: &Tensor, x: &Tensor, u: &Tensor) -> (Tensor, Tensor) {
        self.velocity.value_and_quadratic_form(t, x, u)
    }

    fn value_and_divergence(&self, t: &Tensor, x: &Tensor) -> (Tensor, Tensor) {
        self.velocity.value_and_divergence(t, x)
    }
}

impl Network for VelocityAndDenoiser {
    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    fn hidden_matrices(&self) -> Vec<String> {
        let named = |prefix: &'static str, part: &dyn Network| {
            part.hidden_matrices().into_iter().map(move |name| format!("{prefix}{name}"))
        };
        named(VELOCITY, &*self.velocity).chain(named(DENOISER, &*self.denoiser)).collect()
    }

    fn value_in_training(&self, t: &Tensor, x: &Tensor, draw: &mut Draw) -> Tensor {
        self.velocity.value_in_training(t, x, draw)
    }

    fn denoiser(&self) -> Option<&dyn Network> {
        Some(&*self.denoiser)
    }

    fn duplicate(&self) -> interflow_core::Result<Box<dyn Network>> {
        Ok(Box::new(Self::new(self.velocity.duplicate()?, self.denoiser.duplicate()?)))
    }
}

//! A velocity with a denoiser beside it: two networks that are trained, averaged and saved as one.

use interflow_core::rng::Draw;
use interflow_core::{Given, Network, Parameters, Space};
use tch::Tensor;

/// The networks of a velocity and of a denoiser, as one network whose value is the velocity. Weights are named
/// `velocity.*` and `denoiser.*`, and each network is the [`Network::part`] of that name.
#[derive(Debug)]
pub struct VelocityAndDenoiser {
    velocity: Box<dyn Network>,
    denoiser: Box<dyn Network>,
    /// Handles on the weights of both.
    parameters: Parameters,
}

impl VelocityAndDenoiser {
    /// The name of the velocity among the parts.
    pub const VELOCITY: &'static str = "velocity";
    /// The name of the denoiser among the parts.
    pub const DENOISER: &'static str = "denoiser";

    /// The two networks as one. Both have to be for points of the same dimension.
    pub fn new(velocity: Box<dyn Network>, denoiser: Box<dyn Network>) -> Self {
        let mut parameters = Parameters::new();
        parameters.include(&prefix(Self::VELOCITY), velocity.parameters());
        parameters.include(&prefix(Self::DENOISER), denoiser.parameters());
        Self { velocity, denoiser, parameters }
    }
}

impl Network for VelocityAndDenoiser {
    fn space(&self) -> Space {
        self.velocity.space()
    }

    fn value(&self, t: &Tensor, x: &Tensor, given: &Given) -> Tensor {
        self.velocity.value(t, x, given)
    }

    fn value_and_quadratic_form(
        &self,
        t: &Tensor,
        x: &Tensor,
        given: &Given,
        u: &Tensor,
    ) -> (Tensor, Tensor) {
        self.velocity.value_and_quadratic_form(t, x, given, u)
    }

    fn value_and_divergence(&self, t: &Tensor, x: &Tensor, given: &Given) -> (Tensor, Tensor) {
        self.velocity.value_and_divergence(t, x, given)
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    fn hidden_matrices(&self) -> Vec<String> {
        let named = |part: &'static str, network: &dyn Network| {
            network.hidden_matrices().into_iter().map(move |name| prefix(part) + &name)
        };
        named(Self::VELOCITY, &*self.velocity).chain(named(Self::DENOISER, &*self.denoiser)).collect()
    }

    fn value_in_training(&self, t: &Tensor, x: &Tensor, given: &Given, draw: &mut Draw) -> Tensor {
        self.velocity.value_in_training(t, x, given, draw)
    }

    fn part(&self, name: &str) -> Option<&dyn Network> {
        match name {
            Self::VELOCITY => Some(&*self.velocity),
            Self::DENOISER => Some(&*self.denoiser),
            _ => None,
        }
    }

    fn duplicate(&self) -> interflow_core::Result<Box<dyn Network>> {
        Ok(Box::new(Self::new(self.velocity.duplicate()?, self.denoiser.duplicate()?)))
    }
}

/// What the names of a part's weights begin with.
fn prefix(part: &str) -> String {
    format!("{part}.")
}

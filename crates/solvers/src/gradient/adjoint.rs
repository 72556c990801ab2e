//! The adjoint equation: with `a = ∂L/∂x` and `L` the summed negative log-likelihood,
//! `da/dt = −∂(a·v − ∇·v)/∂x` and `dg/dt = −∂(a·v − ∇·v)/∂θ`, from time 0 back to the data at time 1.
//!
//! The points travel along anew. The weights' gradient is a quadrature over the same stages and takes no part
//! in the error control (Kidger et al. 2021).

use tch::Tensor;

use super::shared_steps::{self, Rate};
use super::{Problem, backward_pass, hutchinson};
use crate::{Result, Statistics};

/// The derivative of `(x, a)`, `[B, 2D]`, which gathers the weights' gradient.
struct Adjoint<'a> {
    problem: &'a Problem<'a>,
    parameters: Vec<Tensor>,
    /// The weights' derivatives of the present step's stages.
    stages: Vec<Vec<Tensor>>,
    total: Vec<Tensor>,
}

impl Rate for Adjoint<'_> {
    fn rate(&mut self, t: f64, y: &Tensor) -> Result<Tensor> {
        let Problem { network, probes, .. } = self.problem;
        let dim = network.dim();
        let slope = y.narrow(1, dim, dim);
        tch::with_grad(|| {
            let x = y.narrow(1, 0, dim).detach().contiguous().set_requires_grad(true);
            let (value, estimate) = hutchinson::value_and_estimate(*network, t, &x, probes)?;
            let paired = (&value * &slope).sum(None) - estimate.sum(None);
            let mut inputs: Vec<Tensor> = self.parameters.iter().map(Tensor::shallow_clone).collect();
            inputs.push(x);
            let mut gradients = backward_pass(&paired, &inputs)?;
            let of_x = gradients.pop().map_or_else(|| slope.zeros_like(), |gradient| -gradient);
            self.stages.push(gradients);
            Ok(Tensor::cat(&[value.detach(), of_x], 1))
        })
    }

    fn end_step(&mut self, h: f64, weights: &[f64], accepted: bool, reused: bool) {
        if !accepted {
            self.stages.truncate(1);
            return;
        }
        for (stage, weight) in self.stages.iter().zip(weights).filter(|(_, weight)| weight.abs() > 0.0) {
            for (sum, part) in self.total.iter_mut().zip(stage) {
                *sum -= part * (h * weight);
            }
        }
        let last = self.stages.pop().filter(|_| reused);
        self.stages.clear();
        self.stages.extend(last);
    }
}

/// The gradient of the summed number in the parameters, from the state `[B, D + 1]` at time 0 and the number's
/// derivative there.
pub(super) fn backward(
    problem: &Problem<'_>,
    end: &Tensor,
    slope: &Tensor,
) -> Result<(Vec<Tensor>, Statistics)> {
    let dim = problem.network.dim();
    let parameters = problem.network.parameters().tensors();
    tch::no_grad(|| {
        let total = parameters.iter().map(|p| p.detach().zeros_like()).collect();
        let y = Tensor::cat(&[end.narrow(1, 0, dim), slope.narrow(1, 0, dim)], 1);
        let mut rate = Adjoint { problem, parameters, stages: Vec::new(), total };
        let steps = shared_steps::run(problem.solver, &mut rate, &y, (0.0, 1.0), false)?;
        Ok((rate.total, steps.statistics))
    })
}

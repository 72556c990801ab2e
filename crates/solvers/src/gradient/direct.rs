//! The likelihood by the solver's steps, and backpropagation through them one by one.

use tch::Tensor;

use super::shared_steps::{self, Rate, Step, Steps};
use super::{Problem, backward_pass, hutchinson};
use crate::{Result, Statistics};

/// `d(x, ℓ)/dt = (v, εᵀ (∂v/∂x) ε)` for states `[B, D + 1]`, without a record of gradients.
struct Unrecorded<'a>(&'a Problem<'a>);

impl Rate for Unrecorded<'_> {
    fn rate(&mut self, t: f64, y: &Tensor) -> Result<Tensor> {
        let Problem { network, probes, .. } = self.0;
        let x = y.narrow(1, 0, network.dim()).contiguous();
        let (value, estimate) = network.value_and_quadratic_form(&hutchinson::times(t, &x), &x, probes);
        Ok(Tensor::cat(&[value.detach(), estimate.detach().unsqueeze(1)], 1))
    }
}

/// The same with a record of gradients, counting its calls.
struct Recorded<'a> {
    problem: &'a Problem<'a>,
    nfe: u64,
}

impl Rate for Recorded<'_> {
    fn rate(&mut self, t: f64, y: &Tensor) -> Result<Tensor> {
        self.nfe += 1;
        let Problem { network, probes, .. } = self.problem;
        let x = y.narrow(1, 0, network.dim());
        let (value, estimate) = hutchinson::value_and_estimate(*network, t, &x, probes)?;
        Ok(Tensor::cat(&[value, estimate], 1))
    }
}

/// Carries points from time 1 to time 0 with the divergence's integral as one more component.
pub(super) fn forward(problem: &Problem<'_>, x: &Tensor) -> Result<Steps> {
    tch::no_grad(|| {
        let x = x.detach();
        let y = Tensor::cat(&[&x, &x.narrow(1, 0, 1).zeros_like()], 1);
        shared_steps::run(problem.solver, &mut Unrecorded(problem), &y, (1.0, 0.0), true)
    })
}

/// The summed negative log-likelihood at the end state `[B, D + 1]`, and its derivative there.
pub(super) fn end(problem: &Problem<'_>, end: &Tensor) -> Result<(Tensor, Tensor)> {
    tch::with_grad(|| {
        let end = end.detach().set_requires_grad(true);
        let dim = problem.network.dim();
        let log_density = problem.base.log_density(&end.narrow(1, 0, dim)) + end.select(1, dim);
        let nll = -log_density.sum(None);
        let slope = backward_pass(&nll, &[end])?.swap_remove(0);
        Ok((nll.detach(), slope))
    })
}

/// The gradient of the summed number in the parameters, from its derivative at the end.
pub(super) fn backward(
    problem: &Problem<'_>,
    steps: &Steps,
    slope: &Tensor,
) -> Result<(Vec<Tensor>, Statistics)> {
    let parameters = problem.network.parameters().tensors();
    let mut total: Vec<Tensor> = parameters.iter().map(|p| p.detach().zeros_like()).collect();
    let mut slope = slope.shallow_clone();
    let mut rate = Recorded { problem, nfe: 0 };
    for Step { t, h, y } in steps.taken.iter().rev() {
        tch::with_grad(|| {
            let start = y.detach().set_requires_grad(true);
            let end = shared_steps::solution(problem.solver.tableau, &mut rate, (*t, *h), &start)?;
            let mut inputs = vec![start];
            inputs.extend(parameters.iter().map(Tensor::shallow_clone));
            let mut gradients = backward_pass(&(end * &slope).sum(None), &inputs)?;
            slope = gradients.swap_remove(0).detach();
            // swap_remove has put the last parameter's gradient in front.
            gradients.rotate_left(1);
            for (sum, gradient) in total.iter_mut().zip(&gradients) {
                *sum += gradient;
            }
            Result::Ok(())
        })?;
    }
    let statistics =
        Statistics { nfe: rate.nfe, accepted_steps: steps.taken.len() as u64, ..Statistics::default() };
    Ok((total, statistics))
}

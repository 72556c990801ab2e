//! The likelihood by the solver's steps, and backpropagation through them one by one.

use std::cell::RefCell;

use interflow_core::backward::{Graph, gradient, gradients};
use tch::Tensor;

use super::{TrainableFlow, hutchinson, shared};
use crate::divergence::{Divergence, WithDivergence};
use crate::error::Result;
use crate::likelihood::log_density_of_base;
use crate::solution::Statistics;
use crate::solve::Watch;
use crate::solver::Solver;
use crate::step::{Cost, Integrals, Start, Stepper};
use crate::term::Term;

/// `d(x, ℓ)/dt = (v, εᵀ (∂v/∂x) ε)` for states `[B, D + 1]`, with a record of gradients.
struct Recorded<'a>(&'a TrainableFlow<'a>);

impl Term for Recorded<'_> {
    fn dim(&self) -> i64 {
        self.0.field.dim()
    }

    fn n_integrals(&self) -> i64 {
        1
    }

    fn rate(&self, t: &Tensor, y: &Tensor) -> Result<Tensor> {
        let x = y.narrow(1, 0, self.dim());
        let (value, estimate) = hutchinson::value_and_estimate(self.0.field, t, &x, self.0.probes)?;
        Ok(Tensor::cat(&[value, estimate], 1))
    }
}

/// An accepted step: times `[B]`, signed lengths `[B]` and states `[B, D + 1]` at its start.
struct Taken {
    t: Tensor,
    h: Tensor,
    y: Tensor,
}

/// A batch's way to the base.
pub(super) struct Path {
    taken: Vec<Taken>,
    /// The states at time 0, `[B, D + 1]`.
    pub(super) end: Tensor,
    pub(super) statistics: Statistics,
}

/// Keeps the accepted steps' starts in order.
#[derive(Default)]
struct Keeper(RefCell<Vec<Taken>>);

impl Watch for Keeper {
    fn step(&self, start: &Start<'_>, accepted: bool, _reused: bool) {
        if accepted {
            let [t, h, y] = [start.t, start.h, start.y].map(Tensor::shallow_clone);
            self.0.borrow_mut().push(Taken { t, h, y });
        }
    }
}

/// Carries points from time 1 to time 0 with the divergence's integral as one more component.
pub(super) fn forward(solver: &Solver, flow: &TrainableFlow<'_>, x: &Tensor) -> Result<Path> {
    tch::no_grad(|| {
        let x = x.detach();
        let y = Tensor::cat(&[&x, &x.narrow(1, 0, 1).zeros_like()], 1);
        let divergence = Divergence::Hutchinson { probes: flow.probes.shallow_clone() };
        let keeper = Keeper::default();
        let term = WithDivergence::new(flow.field, &divergence);
        let found = shared::integrate(solver, &term, &y, (1.0, 0.0), &keeper)?;
        Ok(Path { taken: keeper.0.into_inner(), end: found.y, statistics: found.statistics })
    })
}

/// The summed negative log-likelihood at the end state `[B, D + 1]`, and its derivative there.
pub(super) fn end(flow: &TrainableFlow<'_>, end: &Tensor) -> Result<(Tensor, Tensor)> {
    tch::with_grad(|| {
        let end = end.detach().set_requires_grad(true);
        let dim = flow.field.dim();
        let log_density = log_density_of_base(flow.base, &end.narrow(1, 0, dim))? + end.select(1, dim);
        let nll = -log_density.sum(None);
        let slope = gradient("the likelihood's backward pass", &nll, &end, Graph::Freed)?;
        Ok((nll.detach(), slope))
    })
}

/// The gradient of the summed number in the parameters, from its derivative at the end.
pub(super) fn backward(
    solver: &Solver,
    flow: &TrainableFlow<'_>,
    path: &Path,
    slope: &Tensor,
) -> Result<(Vec<Tensor>, Statistics)> {
    let parameters = flow.parameters.tensors();
    let mut total: Vec<Tensor> = parameters.iter().map(|p| p.detach().zeros_like()).collect();
    let mut slope = slope.shallow_clone();
    let (stepper, term) = (Stepper::new(solver.tableau(), Integrals::ByStages), Recorded(flow));
    for Taken { t, h, y } in path.taken.iter().rev() {
        tch::with_grad(|| {
            let y = y.detach().set_requires_grad(true);
            let end = stepper.end(&term, &Start { t, h, y: &y })?;
            let mut inputs = vec![y];
            inputs.extend(parameters.iter().map(Tensor::shallow_clone));
            let paired = (end * &slope).sum(None);
            let found = gradients("a step's backward pass", &paired, &inputs, Graph::Freed)?;
            slope = found[0].detach();
            for (sum, gradient) in total.iter_mut().zip(&found[1..]) {
                *sum += gradient;
            }
            Result::Ok(())
        })?;
    }
    let accepted_steps = path.taken.len() as u64;
    let Cost { nfe, with_integrals: nfe_with_integrals } = stepper.cost();
    let statistics = Statistics { nfe, nfe_with_integrals, accepted_steps, ..Statistics::default() };
    Ok((total, statistics))
}

//! The adjoint equation: with the costate `a = ∂L/∂x` and the weights' gradient g of the negative log-likelihood,
//! `da/dt = −∂(a·v − ∇·v)/∂x` and `dg/dt = −∂(a·v − ∇·v)/∂θ`, from time 0 back to the data at time 1.
//!
//! The points travel along anew. The weights' gradient is a quadrature over the same stages and takes no part
//! in the error control (Kidger et al. 2021).

use std::cell::RefCell;

use interflow_core::backward::{Graph, gradients};
use tch::Tensor;

use super::{TrainableFlow, hutchinson, shared};
use crate::error::Result;
use crate::solution::Statistics;
use crate::solve::Watch;
use crate::solver::Solver;
use crate::step::Start;
use crate::term::Term;

/// The derivative of `(x, a)`, `[B, 2D]`, which gathers the weights' gradient.
struct Adjoint<'a> {
    flow: &'a TrainableFlow<'a>,
    parameters: Vec<Tensor>,
    /// The stages' weights in the solution.
    weights: &'a [f64],
    gathered: RefCell<Gathered>,
}

/// The weights' derivatives of the present step's stages, and the gradient so far.
struct Gathered {
    stages: Vec<Vec<Tensor>>,
    total: Vec<Tensor>,
}

impl Term for Adjoint<'_> {
    fn dim(&self) -> i64 {
        self.flow.field.dim()
    }

    fn n_integrals(&self) -> i64 {
        self.dim()
    }

    fn rate(&self, t: &Tensor, y: &Tensor) -> Result<Tensor> {
        let TrainableFlow { field, probes, .. } = self.flow;
        let dim = self.dim();
        let slope = y.narrow(1, dim, dim);
        tch::with_grad(|| {
            let x = y.narrow(1, 0, dim).detach().contiguous().set_requires_grad(true);
            let (value, estimate) = hutchinson::value_and_estimate(*field, t, &x, probes)?;
            let paired = (&value * &slope).sum(None) - estimate.sum(None);
            let mut inputs: Vec<Tensor> = self.parameters.iter().map(Tensor::shallow_clone).collect();
            inputs.push(x);
            let mut found = gradients("the adjoint's backward pass", &paired, &inputs, Graph::Freed)?;
            let of_x = found.pop().map_or_else(|| slope.zeros_like(), |gradient| -gradient);
            self.gathered.borrow_mut().stages.push(found);
            Ok(Tensor::cat(&[value.detach(), of_x], 1))
        })
    }
}

impl Watch for Adjoint<'_> {
    fn begin(&self) {
        self.gathered.borrow_mut().stages.truncate(1);
    }

    fn step(&self, start: &Start<'_>, accepted: bool, reused: bool) {
        let Gathered { stages, total } = &mut *self.gathered.borrow_mut();
        if !accepted {
            stages.truncate(usize::from(reused));
            return;
        }
        let h = start.h.double_value(&[0]);
        for (stage, weight) in stages.iter().zip(self.weights).filter(|(_, weight)| weight.abs() > 0.0) {
            for (sum, part) in total.iter_mut().zip(stage) {
                *sum -= part * (h * weight);
            }
        }
        let last = stages.pop().filter(|_| reused);
        stages.clear();
        stages.extend(last);
    }
}

/// The gradient of the summed number in the parameters, from the state `[B, D + 1]` at time 0 and the number's
/// derivative there.
pub(super) fn backward(
    solver: &Solver,
    flow: &TrainableFlow<'_>,
    end: &Tensor,
    slope: &Tensor,
) -> Result<(Vec<Tensor>, Statistics)> {
    let dim = flow.field.dim();
    let parameters = flow.parameters.tensors();
    tch::no_grad(|| {
        let total = parameters.iter().map(|p| p.detach().zeros_like()).collect();
        let y = Tensor::cat(&[end.narrow(1, 0, dim), slope.narrow(1, 0, dim)], 1);
        let gathered = RefCell::new(Gathered { stages: Vec::new(), total });
        let adjoint = Adjoint { flow, parameters, weights: solver.tableau().weights(), gathered };
        let found = shared::integrate(solver, &adjoint, &y, (0.0, 1.0), &adjoint)?;
        Ok((adjoint.gathered.into_inner().total, found.statistics))
    })
}

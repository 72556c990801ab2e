//! The right-hand side of the flow, alone or with the running divergence integral as one more component.

use std::cell::Cell;

use interflow_core::{VectorField, shape};
use tch::Tensor;

use crate::Result;

/// How to compute the divergence along a trajectory.
#[derive(Debug)]
pub enum Divergence {
    /// The field's exact divergence.
    Exact,
    /// Hutchinson's estimate `εᵀ (∂v/∂x) ε` with probes held fixed along each trajectory.
    Hutchinson {
        /// The probes `ε`, `[B, D]`, of zero mean and unit covariance.
        probes: Tensor,
    },
}

/// `dy/dt` for states `[B, D]`, or `[B, D + 1]` with the divergence integral last.
pub(crate) struct Equation<'a> {
    pub(crate) field: &'a dyn VectorField,
    pub(crate) divergence: Option<&'a Divergence>,
    /// Calls so far.
    pub(crate) nfe: Cell<u64>,
}

impl<'a> Equation<'a> {
    pub(crate) fn new(field: &'a dyn VectorField, divergence: Option<&'a Divergence>) -> Self {
        Self { field, divergence, nfe: Cell::new(0) }
    }

    /// The state at points `x`, after checking shapes.
    pub(crate) fn state(&self, x: &Tensor) -> Result<Tensor> {
        shape::check_points("solve", x, self.field.dim())?;
        if let Some(Divergence::Hutchinson { probes }) = self.divergence {
            shape::check_same("solve_with_divergence", x, probes)?;
        }
        let x = x.detach();
        Ok(match self.divergence {
            None => x,
            Some(_) => Tensor::cat(&[&x, &x.new_zeros([x.size()[0], 1], (x.kind(), x.device()))], 1),
        })
    }

    /// The probes of the batch, where the estimate uses them.
    pub(crate) fn probes(&self) -> Option<Tensor> {
        match self.divergence {
            Some(Divergence::Hutchinson { probes }) => Some(probes.shallow_clone()),
            _ => None,
        }
    }

    /// The right-hand side; `t` is `[n]` in f64, `probes` belong to the rows of `y`.
    pub(crate) fn rate(&self, t: &Tensor, y: &Tensor, probes: Option<&Tensor>) -> Tensor {
        self.nfe.set(self.nfe.get() + 1);
        let t = t.to_kind(y.kind());
        if self.divergence.is_none() {
            return self.field.value(&t, y).detach();
        }
        let x = y.narrow(1, 0, self.field.dim()).contiguous();
        let (value, divergence) = match probes {
            None => self.field.value_and_divergence(&t, &x),
            Some(probes) => self.field.value_and_quadratic_form(&t, &x, probes),
        };
        Tensor::cat(&[value.detach(), divergence.detach().unsqueeze(1)], 1)
    }
}

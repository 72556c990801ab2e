//! The flow of a field together with the running integral of its divergence, which is one more column of the state.

use interflow_core::{VectorField, shape};
use tch::Tensor;

use crate::error::Result;
use crate::term::{Term, check_divergence, check_value};

/// How the divergence is computed along a trajectory.
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

/// The right-hand side of a flow with its divergence integral: `d(x, q)/dt = (v, ∇·v)`, or with Hutchinson's estimate
/// instead of `∇·v`.
#[derive(Debug)]
pub struct WithDivergence<'a> {
    field: Box<dyn VectorField + 'a>,
    /// The probes of the batch's rows, `[B, D]`; none for the exact divergence.
    probes: Option<Tensor>,
}

impl<'a> WithDivergence<'a> {
    /// The flow of `field` with its divergence. Row i of the probes belongs to row i of the batch.
    pub fn new(field: &'a dyn VectorField, divergence: &Divergence) -> Self {
        let probes = match divergence {
            Divergence::Exact => None,
            Divergence::Hutchinson { probes } => Some(probes.shallow_clone()),
        };
        Self { field: Box::new(field), probes }
    }
}

impl Term for WithDivergence<'_> {
    fn dim(&self) -> i64 {
        self.field.dim()
    }

    fn n_integrals(&self) -> i64 {
        1
    }

    fn rate(&self, t: &Tensor, y: &Tensor) -> Result<Tensor> {
        let t = t.to_kind(y.kind());
        let x = y.narrow(1, 0, self.dim()).contiguous();
        let (value, divergence) = match &self.probes {
            None => self.field.value_and_divergence(&t, &x),
            Some(probes) => self.field.value_and_quadratic_form(&t, &x, probes),
        };
        check_value(&x, &value)?;
        check_divergence(&x, &divergence)?;
        Ok(Tensor::cat(&[value.detach(), divergence.detach().unsqueeze(1)], 1))
    }

    fn rate_of_points(&self, t: &Tensor, y: &Tensor) -> Result<Tensor> {
        let x = y.narrow(1, 0, self.dim()).contiguous();
        let value = self.field.value(&t.to_kind(y.kind()), &x);
        check_value(&x, &value)?;
        Ok(Tensor::cat(&[value.detach(), x.new_zeros([x.size()[0], 1], (x.kind(), x.device()))], 1))
    }

    fn for_rows(&self, rows: &Tensor) -> Option<Box<dyn Term + '_>> {
        let field = self.field.for_rows(rows);
        if field.is_none() && self.probes.is_none() {
            return None;
        }
        let field = field.unwrap_or_else(|| Box::new(&*self.field));
        let probes =
            self.probes.as_ref().map(|probes| probes.index_select(0, &rows.to_device(probes.device())));
        Some(Box::new(WithDivergence { field, probes }))
    }

    fn check(&self, x: &Tensor) -> Result<()> {
        self.field.check_points("solve_with_divergence", x)?;
        if let Some(probes) = &self.probes {
            shape::check_like("solve_with_divergence", x, probes)?;
        }
        Ok(())
    }
}

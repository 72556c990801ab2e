//! The solution between the ends of a step: the method's own dense output, or the cubic through both ends with their
//! slopes.

use std::cell::RefCell;

use tch::Tensor;

use crate::error::Result;
use crate::step::{Attempt, Base, Start, Stepper, Sum};
use crate::term::Term;

/// A step with what is needed to look inside it.
pub(crate) struct Dense<'a> {
    pub(crate) stepper: &'a Stepper<'a>,
    pub(crate) term: &'a dyn Term,
    pub(crate) start: &'a Start<'a>,
    pub(crate) attempt: Attempt,
    /// The times of the step's end, `[n]`.
    pub(crate) end: &'a Tensor,
    end_rate: RefCell<Option<Tensor>>,
}

impl<'a> Dense<'a> {
    pub(crate) fn new(
        stepper: &'a Stepper<'a>,
        term: &'a dyn Term,
        start: &'a Start<'a>,
        attempt: Attempt,
        end: &'a Tensor,
    ) -> Self {
        Self { stepper, term, start, attempt, end, end_rate: RefCell::new(None) }
    }

    /// The states of some rows of the step, `[p]` of kind `Int64`, at the shares `theta` of it, `[p]` in f64.
    pub(crate) fn at(&self, rows: &Tensor, theta: &Tensor) -> Result<Tensor> {
        let pick = |x: &Tensor| x.index_select(0, rows);
        let (y, h) = (pick(self.start.y), pick(self.start.h));
        let column = |x: Tensor| x.to_kind(y.kind()).unsqueeze(1);
        if let Some(coefficients) = self.stepper.tableau.dense_output() {
            let parts = coefficients.iter().zip(&self.attempt.stages);
            let used = parts.filter(|(row, _)| row.iter().any(|p| p.abs() > 0.0));
            return Ok(used.fold(y.shallow_clone(), |sum, (row, k)| {
                sum.addcmul(&pick(k), &column(polynomial(row, theta) * &h))
            }));
        }
        let (slope, slope_end) = (pick(&self.attempt.stages[0]), pick(&self.end_rate()?));
        let rest: Tensor = 1.0 - theta;
        let end_weight = theta.square() * (theta * -2.0 + 3.0);
        Ok(y.shallow_clone()
            + (pick(&self.attempt.y) - &y) * column(end_weight)
            + slope * column(theta * rest.square() * &h)
            - slope_end * column(theta.square() * rest * &h))
    }

    /// The states of all rows at one share of the step, `[n, W]`.
    pub(crate) fn inside(&self, theta: f64) -> Result<Tensor> {
        let (y, stages) = (self.start.y, &self.attempt.stages);
        let base = Base { y, h: &self.start.column(), sum: Sum::Fused };
        if let Some(coefficients) = self.stepper.tableau.dense_output() {
            let weight = |row: &Vec<f64>| row.iter().rev().fold(0.0, |sum, p| (sum + p) * theta);
            return Ok(base.combine(&coefficients.iter().map(weight).collect::<Vec<_>>(), stages));
        }
        let rest = 1.0 - theta;
        let slopes = [stages[0].shallow_clone(), self.end_rate()?];
        let bent = base.combine(&[theta * rest * rest, -theta * theta * rest], &slopes);
        Ok(bent + (&self.attempt.y - y) * (theta * theta * (3.0 - 2.0 * theta)))
    }

    /// The rate at the step's end where it is known: the last stage, or what a cubic needed.
    pub(crate) fn known_end_rate(&self) -> Option<Tensor> {
        if self.stepper.tableau.is_fsal() {
            return self.attempt.stages.last().map(Tensor::shallow_clone);
        }
        self.end_rate.borrow().as_ref().map(Tensor::shallow_clone)
    }

    /// The rate at the step's end, which costs a call where it is not known.
    pub(crate) fn end_rate(&self) -> Result<Tensor> {
        if let Some(known) = self.known_end_rate() {
            return Ok(known);
        }
        let rate = self.stepper.rate(self.term, self.end, &self.attempt.y)?;
        *self.end_rate.borrow_mut() = Some(rate.shallow_clone());
        Ok(rate)
    }
}

/// `Σ_j p_j θ^(j+1)`.
fn polynomial(coefficients: &[f64], theta: &Tensor) -> Tensor {
    coefficients.iter().rev().fold(theta.zeros_like(), |sum, p| (sum + *p) * theta)
}

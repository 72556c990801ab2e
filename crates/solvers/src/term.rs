//! The right-hand side `dy/dt` of an ordinary differential equation: the flow of a field, and the integrals along its
//! trajectories.
//!
//! A state is a row `(x, q)` of D coordinates and K integrals. Given are [`FieldTerm`], the flow alone;
//! [`crate::WithDivergence`], the flow with the integral of its divergence; and [`WithIntegral`], which adds the
//! integral of any quantity to another term. Implement [`Term`] for others.

use std::fmt;

use interflow_core::{VectorField, shape};
use tch::Tensor;

use crate::error::Result;

/// A right-hand side `dy/dt = f(t, y)` for a batch of states.
///
/// # Shapes
/// A state is `[D + K]`: a point of D coordinates, and K integrals that start at zero. `t` is `[n]` in f64 on the
/// device of `y`, `[n, D + K]`. Row i of a result depends on row i of the arguments only, up to rounding. A returned
/// tensor may be a view of `y` or of a tensor that the term keeps: the solver does not write into it.
pub trait Term {
    /// The dimension D of the points.
    fn dim(&self) -> i64;

    /// The number K of integrals.
    fn n_integrals(&self) -> i64 {
        0
    }

    /// The rate `dy/dt`, `[n, D + K]`, of the kind of `y`.
    ///
    /// # Errors
    /// What the implementation cannot compute.
    fn rate(&self, t: &Tensor, y: &Tensor) -> Result<Tensor>;

    /// The rate `[n, D + K]` of a stage from which only the points of later stages follow: neither the solution, its
    /// error nor the dense output gives it weight. If integrals are expensive and the points do not depend on them, a
    /// term may leave their rates at 0 here.
    ///
    /// # Errors
    /// As [`Term::rate`].
    fn rate_of_points(&self, t: &Tensor, y: &Tensor) -> Result<Tensor> {
        self.rate(t, y)
    }

    /// The term for a part of the batch that it was made for: the rows whose numbers are `rows`, `[n]` of kind
    /// `Int64`. `None` means that the term is the same for every row. Solvers call it whenever they continue with a
    /// part of the batch, so a term that holds anything for each row (conditions, probes) has to return one with
    /// those of `rows`.
    fn for_rows(&self, rows: &Tensor) -> Option<Box<dyn Term + '_>> {
        let _ = rows;
        None
    }

    /// Checks that a batch of points fits the term.
    ///
    /// # Errors
    /// [`crate::Error::Core`] if `x` is not `[B, D]` and floating-point.
    fn check(&self, x: &Tensor) -> Result<()> {
        Ok(shape::check_states("solve", x, self.dim())?)
    }
}

impl fmt::Debug for dyn Term + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Term").field("n_integrals", &self.n_integrals()).finish_non_exhaustive()
    }
}

/// The flow of a field, `dx/dt = v(t, x)`.
#[derive(Debug)]
pub struct FieldTerm<'a> {
    field: Box<dyn VectorField + 'a>,
}

impl<'a> FieldTerm<'a> {
    /// The flow of `field`.
    pub fn new(field: &'a dyn VectorField) -> Self {
        Self { field: Box::new(field) }
    }
}

impl Term for FieldTerm<'_> {
    fn dim(&self) -> i64 {
        self.field.dim()
    }

    fn rate(&self, t: &Tensor, y: &Tensor) -> Result<Tensor> {
        Ok(self.field.value(&t.to_kind(y.kind()), y).detach())
    }

    fn for_rows(&self, rows: &Tensor) -> Option<Box<dyn Term + '_>> {
        let field = self.field.for_rows(rows)?;
        Some(Box::new(FieldTerm { field }))
    }

    fn check(&self, x: &Tensor) -> Result<()> {
        Ok(self.field.check_points("solve", x)?)
    }
}

/// The rate `q̇(t, y, dy/dt)`, `[n]`, of an integral at a batch's times `[n]`, states `[n, W]` and their rates
/// `[n, W]`.
pub type Integrand<'a> = dyn Fn(&Tensor, &Tensor, &Tensor) -> Tensor + 'a;

/// A term with one more integral `q = ∫ q̇ dτ` along each trajectory, as the last column of the state.
///
/// The integrand must be the same for every row of a batch. It gets the inner term's rate, so a function of the rate,
/// such as the kinetic energy `|v|²`, costs no further call of the field.
pub struct WithIntegral<'a> {
    term: Box<dyn Term + 'a>,
    integrand: &'a Integrand<'a>,
}

impl fmt::Debug for WithIntegral<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithIntegral").field("term", &self.term).finish_non_exhaustive()
    }
}

impl<'a> WithIntegral<'a> {
    /// The term with the integral of `integrand` added.
    pub fn new(term: impl Term + 'a, integrand: &'a Integrand<'a>) -> Self {
        Self { term: Box::new(term), integrand }
    }
}

impl Term for WithIntegral<'_> {
    fn dim(&self) -> i64 {
        self.term.dim()
    }

    fn n_integrals(&self) -> i64 {
        self.term.n_integrals() + 1
    }

    fn rate(&self, t: &Tensor, y: &Tensor) -> Result<Tensor> {
        let y = y.narrow(1, 0, self.dim() + self.term.n_integrals()).contiguous();
        let rate = self.term.rate(t, &y)?;
        let integrand = (self.integrand)(t, &y, &rate).to_kind(y.kind()).detach();
        check_value(&y, &rate)?;
        shape::check_times("the value of an integrand", &integrand, y.size()[0])?;
        Ok(Tensor::cat(&[rate, integrand.unsqueeze(1)], 1))
    }

    fn for_rows(&self, rows: &Tensor) -> Option<Box<dyn Term + '_>> {
        let term = self.term.for_rows(rows)?;
        Some(Box::new(WithIntegral { term, integrand: self.integrand }))
    }

    fn check(&self, x: &Tensor) -> Result<()> {
        self.term.check(x)
    }
}

/// Refuses a value of a right-hand side that is not like the states `y`, `[n, W]`: it would be broadcast.
pub(crate) fn check_value(y: &Tensor, value: &Tensor) -> Result<()> {
    Ok(shape::check_like("the value of the right-hand side", y, value)?)
}

/// Refuses divergences that are not one number for each of the points `x`, `[n, D]`.
pub(crate) fn check_divergence(x: &Tensor, divergence: &Tensor) -> Result<()> {
    Ok(shape::check_times("the divergence of the right-hand side", divergence, x.size()[0])?)
}

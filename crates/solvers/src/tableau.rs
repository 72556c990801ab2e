//! Runge–Kutta methods as data: the stages `k_i = f(t + c_i h, y + h Σ a_ij k_j)`, the step `y' = y + h Σ b_i k_i`,
//! the error estimate `h Σ e_i k_i` with `e = b − b̂`, and the dense output `y(t + θ h) = y + h Σ b_i(θ) k_i`.

use crate::error::{Error, Result};
use crate::fault::TableauFault;

/// How far a sum of coefficients may be from what it must be.
const TOLERANCE: f64 = 1e-12;

/// The coefficients of an explicit Runge–Kutta method.
///
/// ```
/// use interflow_solvers::Tableau;
///
/// // Ralston's method of order 3.
/// let tableau = Tableau::new(
///     3,
///     &[0.0, 0.5, 0.75],
///     &[&[], &[0.5], &[0.0, 0.75]],
///     &[2.0 / 9.0, 1.0 / 3.0, 4.0 / 9.0],
/// )?;
/// assert!(!tableau.is_fsal());
/// # Ok::<(), interflow_solvers::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Tableau {
    order: u32,
    c: Vec<f64>,
    a: Vec<Vec<f64>>,
    b: Vec<f64>,
    error: Option<Vec<f64>>,
    dense: Option<Vec<Vec<f64>>>,
    fsal: bool,
}

impl Tableau {
    /// The method of this order with stage times `c`, stage weights `a` and solution weights `b`. Row i of `a` holds
    /// the weights of the i stages before stage i. The conditions for the order are checked up to order 4.
    ///
    /// # Errors
    /// [`Error::InvalidTableau`] with the first condition that is violated.
    pub fn new(order: u32, c: &[f64], a: &[&[f64]], b: &[f64]) -> Result<Self> {
        let tableau = Self::unchecked(order, c, a, b);
        tableau.check().map_err(refused)?;
        Ok(tableau)
    }

    /// The same method with an error estimate `h Σ e_i k_i`, so that it can take adaptive steps.
    ///
    /// # Errors
    /// [`Error::InvalidTableau`] unless there is one weight for each stage and their sum is 0.
    pub fn with_error_estimate(self, weights: &[f64]) -> Result<Self> {
        check_list("the error estimate", weights, self.stages()).map_err(refused)?;
        let sum: f64 = weights.iter().sum();
        if sum.abs() > TOLERANCE {
            return Err(refused(TableauFault::ErrorSum { sum }));
        }
        Ok(self.estimating(weights))
    }

    /// The same method with a dense output: row i holds the coefficients of `b_i(θ) = Σ_j p_ij θ^(j+1)`. A method
    /// without one is interpolated by the cubic through the states and slopes at both ends of a step.
    ///
    /// # Errors
    /// [`Error::InvalidTableau`] unless there is one row for each stage and `b_i(1)` is `b_i`.
    pub fn with_dense_output(self, coefficients: &[&[f64]]) -> Result<Self> {
        check_length("the dense output", coefficients.len(), self.stages()).map_err(refused)?;
        for (stage, (row, weight)) in coefficients.iter().zip(&self.b).enumerate() {
            check_list("a dense output", row, row.len()).map_err(refused)?;
            let sum: f64 = row.iter().sum();
            if (sum - weight).abs() > TOLERANCE {
                return Err(refused(TableauFault::DenseEnd { stage, weight: *weight, sum }));
            }
        }
        Ok(self.interpolating(coefficients))
    }

    /// The order of the solution.
    pub fn order(&self) -> u32 {
        self.order
    }

    /// The number of stages.
    pub fn stages(&self) -> usize {
        self.c.len()
    }

    /// Whether the last stage of a step is the first of the next ("first same as last"), because it is taken at the
    /// step's end.
    pub fn is_fsal(&self) -> bool {
        self.fsal
    }

    /// The times of the stages, in units of the step.
    pub fn times(&self) -> &[f64] {
        &self.c
    }

    /// The weights of the stages before stage `i`.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.a[i]
    }

    /// The weights of the stages in the solution.
    pub fn weights(&self) -> &[f64] {
        &self.b
    }

    /// The weights of the stages in the error estimate; `None` for a method without one.
    pub fn error_weights(&self) -> Option<&[f64]> {
        self.error.as_deref()
    }

    /// The coefficients of the dense output, one row for each stage; `None` for a method without its own.
    pub fn dense_output(&self) -> Option<&[Vec<f64>]> {
        self.dense.as_deref()
    }

    /// Whether anything but later stages of the same step uses stage `i`: the solution, the error estimate, the dense
    /// output, or the next step.
    pub(crate) fn uses(&self, i: usize) -> bool {
        let used = |weights: &[f64]| weights[i].abs() > 0.0;
        let ends = i == 0 || (self.fsal && i + 1 == self.stages());
        ends || used(&self.b)
            || self.error.as_deref().is_some_and(used)
            || self.dense.as_ref().is_some_and(|rows| rows[i].iter().any(|p| p.abs() > 0.0))
    }

    /// How many rates of integrals a step needs beyond those of the step before.
    pub(crate) fn rates_a_step(&self) -> usize {
        (0..self.stages()).filter(|&i| self.uses(i)).count() - usize::from(self.fsal)
    }

    /// The same as [`Tableau::new`] for coefficients that are known to be right.
    pub(crate) fn unchecked(order: u32, c: &[f64], a: &[&[f64]], b: &[f64]) -> Self {
        let same = |row: &&[f64]| {
            let (last, before) = b.split_last().unwrap_or((&1.0, &[]));
            last.abs() <= 0.0 && row.iter().zip(before).all(|(a, b)| a.to_bits() == b.to_bits())
        };
        let fsal = a.len() > 1 && a.last().is_some_and(same);
        let a = a.iter().map(|row| row.to_vec()).collect();
        Self { order, c: c.to_vec(), a, b: b.to_vec(), error: None, dense: None, fsal }
    }

    /// The same as [`Tableau::with_error_estimate`] for weights that are known to be right.
    pub(crate) fn estimating(self, weights: &[f64]) -> Self {
        Self { error: Some(weights.to_vec()), ..self }
    }

    /// The same as [`Tableau::with_dense_output`] for coefficients that are known to be right.
    pub(crate) fn interpolating(self, coefficients: &[&[f64]]) -> Self {
        Self { dense: Some(coefficients.iter().map(|row| row.to_vec()).collect()), ..self }
    }

    fn check(&self) -> std::result::Result<(), TableauFault> {
        let stages = self.stages();
        if stages == 0 {
            return Err(TableauFault::Empty);
        }
        check_list("c", &self.c, stages)?;
        check_list("b", &self.b, stages)?;
        check_length("a", self.a.len(), stages)?;
        for (stage, (row, time)) in self.a.iter().zip(&self.c).enumerate() {
            check_list(&format!("row {stage} of a"), row, stage)?;
            let sum: f64 = row.iter().sum();
            if (sum - time).abs() > TOLERANCE {
                return Err(TableauFault::StageTime { stage, time: *time, sum });
            }
        }
        self.check_order()
    }

    /// The conditions of Butcher's rooted trees with up to four vertices.
    fn check_order(&self) -> std::result::Result<(), TableauFault> {
        let c = &self.c;
        let map = |f: &dyn Fn(usize) -> f64| (0..c.len()).map(f).collect::<Vec<f64>>();
        let through_a = |x: &[f64]| map(&|i| dot(&self.a[i], x));
        let square = map(&|i| c[i] * c[i]);
        let ac = through_a(c);
        let conditions = [
            (1, "Σ b", 1.0, map(&|_| 1.0)),
            (2, "Σ b c", 1.0 / 2.0, c.clone()),
            (3, "Σ b c²", 1.0 / 3.0, square.clone()),
            (3, "Σ b a c", 1.0 / 6.0, ac.clone()),
            (4, "Σ b c³", 1.0 / 4.0, map(&|i| square[i] * c[i])),
            (4, "Σ b c a c", 1.0 / 8.0, map(&|i| c[i] * ac[i])),
            (4, "Σ b a c²", 1.0 / 12.0, through_a(&square)),
            (4, "Σ b a a c", 1.0 / 24.0, through_a(&ac)),
        ];
        if self.order == 0 {
            return Err(TableauFault::ZeroOrder);
        }
        for (order, condition, expected, values) in conditions {
            let found = dot(&self.b, &values);
            if order <= self.order && (found - expected).abs() > TOLERANCE {
                return Err(TableauFault::Order { order, condition, expected, found });
            }
        }
        Ok(())
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn refused(fault: TableauFault) -> Error {
    Error::InvalidTableau { fault }
}

fn check_length(list: &str, found: usize, expected: usize) -> std::result::Result<(), TableauFault> {
    if found == expected {
        return Ok(());
    }
    Err(TableauFault::Length { list: list.to_owned(), expected, found })
}

fn check_list(list: &str, values: &[f64], expected: usize) -> std::result::Result<(), TableauFault> {
    check_length(list, values.len(), expected)?;
    if values.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    Err(TableauFault::NotFinite)
}

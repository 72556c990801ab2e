//! Conditions that coefficients of a Runge–Kutta method can violate.

/// The first condition on an explicit Runge–Kutta method that the coefficients violate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TableauFault {
    /// There are no stages.
    #[error("it has no stage")]
    Empty,
    /// A list has a length that does not agree with the number of stages.
    #[error("{list} must have {expected} entries, found: {found}")]
    Length {
        /// Which list, such as `b` or `row 2 of a`.
        list: String,
        /// The length it must have.
        expected: usize,
        /// The length it has.
        found: usize,
    },
    /// A coefficient is infinite or NaN.
    #[error("a coefficient is not finite")]
    NotFinite,
    /// The weights of a stage do not sum to the stage's time.
    #[error("row {stage} of a must add up to c = {time}, found: {sum}")]
    StageTime {
        /// The stage's number, from 0.
        stage: usize,
        /// The stage's time c.
        time: f64,
        /// The sum of the row.
        sum: f64,
    },
    /// The weights of the error estimate do not sum to zero.
    #[error("the error estimate's weights must add up to 0, found: {sum}")]
    ErrorSum {
        /// Their sum.
        sum: f64,
    },
    /// The dense output at the end of the step is not the step's solution.
    #[error("the dense output of stage {stage} must end at its weight b = {weight}, found: {sum}")]
    DenseEnd {
        /// The stage's number, from 0.
        stage: usize,
        /// The stage's weight b.
        weight: f64,
        /// The sum of the coefficients.
        sum: f64,
    },
    /// A condition for the claimed order is violated.
    #[error("order {order} needs {condition} = {expected}, found: {found}")]
    Order {
        /// The order that the condition belongs to.
        order: u32,
        /// The left-hand side of the condition.
        condition: &'static str,
        /// The right-hand side of the condition.
        expected: f64,
        /// The value of the left-hand side.
        found: f64,
    },
    /// The claimed order is zero.
    #[error("the order must be positive")]
    ZeroOrder,
}

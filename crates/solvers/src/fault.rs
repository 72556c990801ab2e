//! What can be wrong with the coefficients of a Runge–Kutta method.

/// The first condition on an explicit Runge–Kutta method that coefficients do not meet.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TableauFault {
    /// There is no stage.
    #[error("it has no stage")]
    Empty,
    /// A list has another length than the number of stages asks for.
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
    /// The weights of a stage do not add up to the stage's time.
    #[error("row {stage} of a must add up to c = {time}, found: {sum}")]
    StageTime {
        /// The stage's number, from 0.
        stage: usize,
        /// The stage's time c.
        time: f64,
        /// What the row adds up to.
        sum: f64,
    },
    /// The weights of the error estimate do not add up to zero.
    #[error("the error estimate's weights must add up to 0, found: {sum}")]
    ErrorSum {
        /// What they add up to.
        sum: f64,
    },
    /// The dense output does not end at the step's solution.
    #[error("the dense output of stage {stage} must end at its weight b = {weight}, found: {sum}")]
    DenseEnd {
        /// The stage's number, from 0.
        stage: usize,
        /// The stage's weight b.
        weight: f64,
        /// What the coefficients add up to.
        sum: f64,
    },
    /// A condition for the claimed order does not hold.
    #[error("order {order} needs {condition} = {expected}, found: {found}")]
    Order {
        /// The order whose condition fails.
        order: u32,
        /// The condition's left-hand side.
        condition: &'static str,
        /// Its right-hand side.
        expected: f64,
        /// What the coefficients give.
        found: f64,
    },
    /// The claimed order is zero.
    #[error("the order must be positive")]
    ZeroOrder,
}

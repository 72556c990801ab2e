//! The schedule, that is the coefficients α and β of the end points.

use std::sync::Arc;

use tch::Tensor;

/// α, β and their derivatives at the times of a batch, each of the shape of the times.
#[derive(Debug)]
pub struct ScheduleCoefficients {
    /// α(t).
    pub alpha: Tensor,
    /// α̇(t).
    pub alpha_dot: Tensor,
    /// β(t).
    pub beta: Tensor,
    /// β̇(t).
    pub beta_dot: Tensor,
}

/// A schedule: the coefficients α and β, with α(0) = β(1) = 1 and α(1) = β(0) = 0.
pub trait Schedule: std::fmt::Debug + Send + Sync {
    /// The coefficients and their derivatives at times `t` of any shape in [0, 1].
    fn coefficients(&self, t: &Tensor) -> ScheduleCoefficients;

    /// The times at which β(t)/α(t) = `beta`/`alpha`, in the shape of these, for a schedule whose ratio increases
    /// from 0 to ∞. The default is bisection to the resolution of the floating-point kind.
    fn time_at(&self, alpha: &Tensor, beta: &Tensor) -> Tensor {
        let mut low = alpha.zeros_like();
        let mut width = 1.0;
        for _ in 0..BISECTIONS {
            width *= 0.5;
            let middle = &low + width;
            let c = self.coefficients(&middle);
            let early = (c.beta * alpha).le_tensor(&(c.alpha * beta));
            low = middle.where_self(&early, &low);
        }
        low + width * 0.5
    }
}

/// Halvings of [0, 1] down to the resolution of f64.
const BISECTIONS: usize = 53;

/// Forwards [`Schedule`] through pointers.
macro_rules! forward_schedule {
    ($($pointer:ty),*) => {$(
        impl<S: Schedule + ?Sized> Schedule for $pointer {
            fn coefficients(&self, t: &Tensor) -> ScheduleCoefficients {
                (**self).coefficients(t)
            }
            fn time_at(&self, alpha: &Tensor, beta: &Tensor) -> Tensor {
                (**self).time_at(alpha, beta)
            }
        }
    )*};
}

forward_schedule!(Box<S>, Arc<S>);

//! How far a flow carries its points, and how straight their trajectories are.

use interflow_core::VectorField;
use interflow_core::shape::check_like;
use interflow_metrics::Estimate;
use interflow_solvers::Solver;
use tch::{Kind, Tensor};

use crate::error::{Result, check_range};

/// Lengths and straightness of a flow's trajectories, as means over their start points with standard errors.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Trajectories {
    /// The transport cost `∫E|v_t(X_t)|² dt`; it is at least W2² between base and target.
    pub cost: Estimate,
    /// The cost of the flow's map, `E|X_1 − X_0|²`: what straight trajectories at constant speed would cost.
    pub map_cost: Estimate,
    /// The straightness `∫E|v_t(X_t) − (X_1 − X_0)|² dt`, which is 0 for straight trajectories at constant speed.
    pub straightness: Estimate,
    /// The mean length of the trajectories, `E∫|v_t(X_t)| dt`.
    pub length: Estimate,
}

impl Trajectories {
    /// Follows the trajectories from the base points `x0`, `[B, D]`, along `velocity`, which knows its conditions
    /// already. The time integrals use Simpson's rule with `n_intervals` intervals.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] unless `n_intervals` is even and positive; or a failure of the solver.
    pub fn of(solver: &Solver, velocity: &dyn VectorField, x0: &Tensor, n_intervals: usize) -> Result<Self> {
        let even = n_intervals > 0 && n_intervals.is_multiple_of(2);
        check_range("the number of intervals", "even and positive", n_intervals as f64, even)?;
        let times: Vec<f64> = (0..=n_intervals).map(|i| i as f64 / n_intervals as f64).collect();
        let (points, _) = solver.solve_saving(velocity, x0, &times)?;
        let _guard = tch::no_grad_guard();
        let carried = double(&points[n_intervals]) - double(x0);
        let rows = |x: &Tensor| x.square().sum_dim_intlist(1i64, false, Kind::Double);
        let zero = rows(&carried).zeros_like();
        let (mut cost, mut straightness, mut length) = (zero.copy(), zero.copy(), zero);
        for (index, (time, x)) in times.iter().zip(&points).enumerate() {
            let t = Tensor::full([x.size()[0]], *time, (x.kind(), x.device()));
            let v = velocity.value(&t, x);
            check_like("the value of a velocity", x, &v)?;
            let v = double(&v);
            let weight = simpson(index, n_intervals);
            let square = rows(&v);
            straightness += rows(&(v - &carried)) * weight;
            length += square.sqrt() * weight;
            cost += square * weight;
        }
        let mean = |values: &Tensor| Estimate::from_values(values);
        Ok(Self {
            cost: mean(&cost),
            map_cost: mean(&rows(&carried)),
            straightness: mean(&straightness),
            length: mean(&length),
        })
    }
}

/// The weight of point `index` in Simpson's rule over [0, 1].
pub(crate) fn simpson(index: usize, n_intervals: usize) -> f64 {
    let factor = match index {
        0 => 1.0,
        _ if index == n_intervals => 1.0,
        _ if index % 2 == 1 => 4.0,
        _ => 2.0,
    };
    factor / (3.0 * n_intervals as f64)
}

fn double(x: &Tensor) -> Tensor {
    x.to_kind(Kind::Double)
}

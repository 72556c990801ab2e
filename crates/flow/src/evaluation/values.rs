//! Measured numbers as JSON.

use interflow_metrics::Estimate;
use serde_json::{Map, Value, json};
use tch::Tensor;

/// Measured numbers by name, in the order of their measurement.
pub type Results = Map<String, Value>;

/// A mean and its standard error as JSON, `{"mean": …, "standard_error": …}`.
pub fn estimate(mean: f64, standard_error: f64) -> Value {
    json!({ "mean": mean, "standard_error": standard_error })
}

/// The mean of independent `values`, `[B]`, with its standard error, as JSON.
pub fn mean(values: &Tensor) -> Value {
    let Estimate { mean, standard_error } = Estimate::from_values(values);
    estimate(mean, standard_error)
}

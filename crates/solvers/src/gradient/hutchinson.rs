//! Hutchinson's estimate of the divergence as a differentiable number.

use interflow_core::VectorField;
use interflow_core::backward::{Graph, gradient};
use tch::Tensor;

use crate::error::Result;
use crate::term::check_value;

/// The value `[B, D]` and `εᵀ (∂v/∂x) ε`, `[B, 1]`, with a record of gradients in the weights and in `x`, which
/// must record them already: one backward pass that is itself recorded.
pub(super) fn value_and_estimate(
    field: &dyn VectorField,
    t: &Tensor,
    x: &Tensor,
    probes: &Tensor,
) -> Result<(Tensor, Tensor)> {
    let value = field.value(&t.to_kind(x.kind()), x);
    check_value(x, &value)?;
    let paired = (&value * probes).sum(None);
    let slope = gradient("the divergence's backward pass", &paired, x, Graph::Recorded)?;
    let estimate = (slope * probes).sum_dim_intlist(1i64, true, None);
    Ok((value, estimate))
}

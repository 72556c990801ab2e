//! Hutchinson's estimate of the divergence as a differentiable number.

use interflow_core::VectorField;
use tch::Tensor;

use crate::Result;

/// The value `[B, D]` and `εᵀ (∂v/∂x) ε`, `[B, 1]`, with a record of gradients in the weights and in `x`, which
/// must record them already: one backward pass that is itself recorded.
pub(super) fn value_and_estimate(
    field: &dyn VectorField,
    t: f64,
    x: &Tensor,
    probes: &Tensor,
) -> Result<(Tensor, Tensor)> {
    let value = field.value(&times(t, x), x);
    let paired = (&value * probes).sum(None);
    let gradient = Tensor::f_run_backward(&[&paired], &[x], true, true)
        .map_err(|source| interflow_core::Error::Torch { operation: "recorded backward pass", source })?;
    let estimate = (&gradient[0] * probes).sum_dim_intlist(1i64, true, None);
    Ok((value, estimate))
}

/// One time for each row of `x`.
pub(super) fn times(t: f64, x: &Tensor) -> Tensor {
    Tensor::full([x.size()[0]], t, (x.kind(), x.device()))
}

//! Backward passes that also work if the value does not depend on the inputs.
//!
//! libtorch aborts the process when it is asked to differentiate a value without a graph, that is one that depends on
//! no input, or that was computed while gradients were not recorded. The functions of this module return a derivative
//! of zero instead, and every backward pass of the workspace uses them.

use tch::Tensor;

use crate::error::{Error, Result};

/// What happens to the graph of a value when it is differentiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Graph {
    /// It is freed by the pass.
    Freed,
    /// It is kept for further passes.
    Kept,
    /// It is kept, and the pass is itself recorded, so that the gradients can be differentiated.
    Recorded,
}

/// The gradients of the scalar `value` with respect to each of `inputs`, which record gradients. Each gradient has
/// the shape of its input; it is zero if the value does not depend on it.
///
/// # Errors
/// [`Error::Torch`] naming `operation` if an input of a value with a graph records no gradients, or libtorch fails in
/// the pass.
#[allow(clippy::disallowed_methods, reason = "the one place that has made sure of a graph")]
pub fn gradients(
    operation: &'static str,
    value: &Tensor,
    inputs: &[Tensor],
    graph: Graph,
) -> Result<Vec<Tensor>> {
    let zero = |input: &Tensor| input.detach().zeros_like();
    // A pass without inputs would gather gradients in every leaf there is.
    if !value.requires_grad() || inputs.is_empty() {
        return Ok(inputs.iter().map(zero).collect());
    }
    let (keep, record) = (graph != Graph::Freed, graph == Graph::Recorded);
    let found = Tensor::f_run_backward(&[value], inputs, keep, record)
        .map_err(|source| Error::Torch { operation, source })?;
    let found = found.into_iter().zip(inputs);
    Ok(found.map(|(gradient, input)| if gradient.defined() { gradient } else { zero(input) }).collect())
}

/// The gradient of the scalar `value` with respect to `input`: [`gradients`] for one input.
///
/// # Errors
/// As [`gradients`].
pub fn gradient(operation: &'static str, value: &Tensor, input: &Tensor, graph: Graph) -> Result<Tensor> {
    Ok(gradients(operation, value, std::slice::from_ref(input), graph)?.swap_remove(0))
}

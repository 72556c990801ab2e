//! The backward pass, where nothing may depend on anything.
//!
//! libtorch aborts the process when it is asked to differentiate a value without a graph, which is what a value is that
//! depends on no input or was computed while gradients were not recorded. So every backward pass of the workspace is one
//! of these: the derivative of such a value is zero.

use tch::Tensor;

use crate::error::{Error, Result};

/// What becomes of the graph of a value that is differentiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Graph {
    /// It is freed by the pass.
    Freed,
    /// It is kept for further passes.
    Kept,
    /// It is kept, and the pass is itself recorded, so that the gradients can be differentiated.
    Recorded,
}

/// The gradients of `value`, a scalar, in each of `inputs`, which record gradients, each of its input's shape: zero in those
/// that the value does not depend on.
///
/// # Errors
/// [`Error::Torch`] naming `operation` if an input of a value with a graph records no gradients, or libtorch refuses the
/// pass.
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

/// The gradient of `value`, a scalar, in `input`: [`gradients`] for one input.
///
/// # Errors
/// As [`gradients`].
pub fn gradient(operation: &'static str, value: &Tensor, input: &Tensor, graph: Graph) -> Result<Tensor> {
    Ok(gradients(operation, value, std::slice::from_ref(input), graph)?.swap_remove(0))
}

//! Backward passes that leave nothing to chance: a number that depends on no input has the gradient zero.

use tch::Tensor;

use crate::error::Result;

/// The gradients of a scalar in `inputs`.
pub(super) fn gradients(value: &Tensor, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    run("backward pass", value, inputs, Record::Off)
}

/// The gradient of a scalar in `input`, itself recorded.
pub(super) fn recorded_gradient(value: &Tensor, input: &Tensor) -> Result<Tensor> {
    let input = std::slice::from_ref(input);
    Ok(run("recorded backward pass", value, input, Record::On)?.swap_remove(0))
}

/// Whether the backward pass is recorded for another one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Record {
    On,
    Off,
}

fn run(operation: &'static str, value: &Tensor, inputs: &[Tensor], record: Record) -> Result<Vec<Tensor>> {
    if !value.requires_grad() {
        return Ok(inputs.iter().map(|input| input.detach().zeros_like()).collect());
    }
    let on = record == Record::On;
    let found = Tensor::f_run_backward(&[value], inputs, on, on)
        .map_err(|source| interflow_core::Error::Torch { operation, source })?;
    let zero = |input: &Tensor| input.detach().zeros_like();
    Ok(found.into_iter().zip(inputs).map(|(g, input)| if g.defined() { g } else { zero(input) }).collect())
}

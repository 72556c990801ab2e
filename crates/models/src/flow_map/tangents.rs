//! What a perceptron sees of a jump, and how that changes along a direction.

use interflow_core::flow_map::{Direction, Jump};
use tch::Tensor;

use crate::state_inputs::StateInputs;
use crate::time_inputs::TimeInputs;

/// What is seen of the state, and its derivative along the direction, both `[B, n]`.
pub(crate) fn state_and_tangent(
    inputs: &StateInputs,
    jump: &Jump<'_>,
    direction: &Direction<'_>,
) -> (Tensor, Tensor) {
    match direction {
        Direction::To => {
            let state = inputs.value(jump.from, jump.x);
            let tangent = state.zeros_like();
            (state, tangent)
        }
        Direction::Along(velocity) => inputs.value_and_rate(jump.from, jump.x, velocity),
        Direction::State(u) => inputs.value_and_tangent(jump.from, jump.x, u),
    }
}

/// The features of both times, `[B, 2E]`, those of the start first, and their derivative along the direction.
pub(crate) fn times_and_tangent(
    inputs: &TimeInputs,
    jump: &Jump<'_>,
    direction: &Direction<'_>,
) -> (Tensor, Tensor) {
    let (from, from_rate) = inputs.value_and_rate(jump.from);
    let (to, to_rate) = inputs.value_and_rate(jump.to);
    let tangent = match direction {
        Direction::To => Tensor::cat(&[from_rate.zeros_like(), to_rate], 1),
        Direction::Along(_) => Tensor::cat(&[&from_rate, &to_rate.zeros_like()], 1),
        Direction::State(_) => Tensor::cat(&[from_rate.zeros_like(), to_rate.zeros_like()], 1),
    };
    (Tensor::cat(&[from, to], 1), tangent)
}

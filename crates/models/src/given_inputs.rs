//! What a perceptron sees of the conditions.

use interflow_core::{Given, GivenSpace};
use tch::{Kind, Tensor};

/// The conditions as columns, `[B, n]`, like the states `x`: numbers as they are, a class as a 1 in its own column, no class
/// as zeros. None for a network that is given nothing.
pub(crate) fn given_inputs(space: GivenSpace, given: &Given, x: &Tensor) -> Option<Tensor> {
    match (space, given) {
        (GivenSpace::Class { n_classes }, Given::Class(class)) => {
            let columns = Tensor::arange(n_classes, (Kind::Int64, class.device()));
            Some(class.unsqueeze(1).eq_tensor(&columns).to_kind(x.kind()))
        }
        (_, Given::Numbers(numbers)) => Some(numbers.shallow_clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_a_column_and_none_is_zero() {
        let given = Given::Class(Tensor::from_slice(&[1i64, 3, 0]));
        let x = Tensor::zeros([3, 2], (Kind::Double, tch::Device::Cpu));
        let found = given_inputs(GivenSpace::Class { n_classes: 3 }, &given, &x).unwrap();
        let found = Vec::<f64>::try_from(found.view(-1)).unwrap();
        assert_eq!(found, [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    }
}

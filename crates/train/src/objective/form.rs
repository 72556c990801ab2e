//! The objective `G(v̂) = ∫E[|v̂|² − 2 ẋ·v̂] dt` (\[AV23\] eq. 10) and its mean-square form.

use serde::{Deserialize, Serialize};
use tch::Tensor;

/// The form in which the objective is computed. Both forms have the same gradients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ObjectiveForm {
    /// `E[|v̂|² − 2 ẋ·v̂]`, whose minimum is minus the transport cost.
    #[default]
    G,
    /// `E|v̂ − ẋ|²`, which is larger by the constant `E|ẋ|²`.
    MeanSquare,
}

impl ObjectiveForm {
    /// The loss, a scalar, of the velocity's values `value` for the path derivatives, both `[B, D]`.
    pub fn loss(self, value: &Tensor, path_derivative: &Tensor) -> Tensor {
        let rows = value.size()[0].max(1) as f64;
        let summed = match self {
            Self::G => ((value - path_derivative * 2.0) * value).sum(None),
            Self::MeanSquare => (value - path_derivative).square().sum(None),
        };
        summed / rows
    }
}

#[cfg(test)]
mod tests {
    use interflow_core::backward::{self, Graph};
    use interflow_core::rng::{Purpose, Stream};
    use tch::Kind;

    use super::*;

    #[test]
    fn both_forms_have_the_same_gradient() {
        let mut draw = Stream::new(3, Purpose::Test).at(0);
        let value = draw.normal(&[64, 3], Kind::Double).set_requires_grad(true);
        let target = draw.normal(&[64, 3], Kind::Double);
        let gradient = |form: ObjectiveForm| {
            backward::gradient("a test", &form.loss(&value, &target), &value, Graph::Freed).unwrap()
        };
        let difference = gradient(ObjectiveForm::G) - gradient(ObjectiveForm::MeanSquare);
        assert!(difference.abs().max().double_value(&[]) < 1e-15);
        let constant =
            ObjectiveForm::MeanSquare.loss(&value, &target) - ObjectiveForm::G.loss(&value, &target);
        let expected = target.square().sum(None) / 64.0;
        assert!((constant - expected).abs().double_value(&[]) < 1e-12);
    }
}

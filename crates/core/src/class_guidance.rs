//! Classifier-free guidance: sampling a class more strictly than the class-conditional flow does (\[HS22\]).

use tch::Tensor;

use crate::error::{Error, Result};
use crate::{VectorField, Velocity};

/// `v_none + w (v_class − v_none)` of a class-conditional velocity on rows whose first coordinate is the class.
///
/// The weight w = 1 is the velocity itself, 0 forgets the class, and more than 1 exaggerates it; then it is no
/// longer the velocity of a path to the class's density. One call evaluates the velocity on twice the rows.
#[derive(Debug, Clone, Copy)]
pub struct ClassGuided<F> {
    field: F,
    weight: f64,
    none: f64,
}

impl<F: VectorField> ClassGuided<F> {
    /// The velocity with classes 0 … `n_classes − 1` and `n_classes` for none, guided with the given weight.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if the weight is not finite or there is no class.
    pub fn new(velocity: Velocity<F>, weight: f64, n_classes: i64) -> Result<Velocity<Self>> {
        let check = |name, requirement, value: f64, holds| {
            if holds { Ok(()) } else { Err(Error::OutOfRange { name, requirement, value }) }
        };
        check("guidance weight", "finite", weight, weight.is_finite())?;
        check("n_classes", "positive", n_classes as f64, n_classes > 0)?;
        Ok(Velocity(Self { field: velocity.0, weight, none: n_classes as f64 }))
    }

    /// The rows themselves, and below them the same without their class: times and states.
    fn both(&self, t: &Tensor, x: &Tensor) -> (Tensor, Tensor) {
        let none = x.narrow(1, 0, 1).full_like(self.none);
        let without = Tensor::cat(&[none, x.narrow(1, 1, x.size()[1] - 1)], 1);
        (Tensor::cat(&[t, t], 0), Tensor::cat(&[x, &without], 0))
    }

    /// What guidance makes of numbers for both, `[2B, …]`.
    fn mix(&self, both: &Tensor) -> Tensor {
        let halves = both.chunk(2, 0);
        &halves[1] + (&halves[0] - &halves[1]) * self.weight
    }
}

impl<F: VectorField> VectorField for ClassGuided<F> {
    fn dim(&self) -> i64 {
        self.field.dim()
    }

    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let (t, x) = self.both(t, x);
        self.mix(&self.field.value(&t, &x))
    }

    fn value_and_quadratic_form(&self, t: &Tensor, x: &Tensor, u: &Tensor) -> (Tensor, Tensor) {
        let (t, x) = self.both(t, x);
        // Without a class nothing depends on its coordinate.
        let without = Tensor::cat(&[u.narrow(1, 0, 1).zeros_like(), u.narrow(1, 1, u.size()[1] - 1)], 1);
        let u = Tensor::cat(&[u, &without], 0);
        let (value, form) = self.field.value_and_quadratic_form(&t, &x, &u);
        (self.mix(&value), self.mix(&form))
    }

    /// The class rests, so its own coordinate adds nothing.
    fn value_and_divergence(&self, t: &Tensor, x: &Tensor) -> (Tensor, Tensor) {
        let (t, x) = self.both(t, x);
        let (value, divergence) = self.field.value_and_divergence(&t, &x);
        (self.mix(&value), self.mix(&divergence))
    }
}

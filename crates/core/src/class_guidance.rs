//! Classifier-free guidance, which samples a class more strictly than the class-conditional flow does (\[HS22\]).

use tch::Tensor;

use crate::error::{Error, Result};
use crate::field::{VectorField, Velocity};
use crate::given::{Given, GivenSpace};
use crate::network::Network;

/// The guided velocity `v_none + w (v_class − v_none)` of a class-conditional network.
///
/// The weight w = 1 gives the class-conditional velocity, 0 ignores the class, and more than 1 exaggerates it; then
/// it is no longer the velocity of a path to the class's density. One call evaluates the network on twice the rows.
#[derive(Debug)]
pub struct ClassGuided<'a> {
    network: &'a dyn Network,
    /// The class of each row, `[B]`.
    class: Tensor,
    /// The number that stands for no class.
    none: i64,
    weight: f64,
}

impl<'a> ClassGuided<'a> {
    /// The velocity of points of these classes, `[B]` of kind `Int64`, guided with `weight`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if the weight is not finite, [`Error::Given`] if the network has no classes.
    pub fn new(network: &'a dyn Network, class: &Tensor, weight: f64) -> Result<Velocity<Self>> {
        if !weight.is_finite() {
            let (name, requirement) = ("guidance weight", "finite");
            return Err(Error::OutOfRange { name, requirement, value: weight });
        }
        let space = network.space().given;
        let class = class.shallow_clone();
        Given::Class(class.shallow_clone()).check("class guidance", space, class.numel() as i64)?;
        let none = match space {
            GivenSpace::Class { n_classes } => n_classes,
            _ => 0,
        };
        Ok(Velocity(Self { network, class, none, weight }))
    }

    /// The classes of the rows, and below them no class for each.
    fn both(&self) -> Given {
        Given::Class(Tensor::cat(&[&self.class, &self.class.full_like(self.none)], 0))
    }

    /// What guidance makes of numbers for both, `[2B, …]`.
    fn mix(&self, both: &Tensor) -> Tensor {
        let halves = both.chunk(2, 0);
        &halves[1] + (&halves[0] - &halves[1]) * self.weight
    }
}

fn twice(x: &Tensor) -> Tensor {
    Tensor::cat(&[x, x], 0)
}

impl VectorField for ClassGuided<'_> {
    fn dim(&self) -> i64 {
        self.network.space().dim
    }

    fn check_points(&self, operation: &'static str, x: &Tensor) -> Result<()> {
        self.network.check_points(operation, x, &Given::Class(self.class.shallow_clone()))
    }

    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        self.mix(&self.network.value(&twice(t), &twice(x), &self.both()))
    }

    fn value_and_quadratic_form(&self, t: &Tensor, x: &Tensor, u: &Tensor) -> (Tensor, Tensor) {
        let (value, form) =
            self.network.value_and_quadratic_form(&twice(t), &twice(x), &self.both(), &twice(u));
        (self.mix(&value), self.mix(&form))
    }

    fn value_and_divergence(&self, t: &Tensor, x: &Tensor) -> (Tensor, Tensor) {
        let (value, divergence) = self.network.value_and_divergence(&twice(t), &twice(x), &self.both());
        (self.mix(&value), self.mix(&divergence))
    }

    fn for_rows(&self, rows: &Tensor) -> Option<Box<dyn VectorField + '_>> {
        let class = self.class.index_select(0, &rows.to_device(self.class.device()));
        Some(Box::new(Self { network: self.network, class, none: self.none, weight: self.weight }))
    }
}

//! Known coordinates: any coordinates of a state may be given to a network, and a flow of the others fills the holes
//! of a row.
//!
//! The conditions are then numbers: first the point's own conditions and then, for each coordinate, whether it is
//! known, and its value, or 0 if it is not.

use tch::Tensor;

use crate::given::{Given, GivenSpace};
use crate::space::Space;

/// The space of points like those of `space`, of which any coordinates may be known.
pub fn space(space: Space) -> Space {
    Space { given: GivenSpace::Numbers { n: space.given.n_inputs() + 2 * space.dim }, ..space }
}

/// The conditions for states `x`, `[B, D]`, whose coordinates are known where `mask`, `[B, D]`, is 1 and unknown
/// where it is 0. Their numbers have the kind and the device of `x`.
pub fn with(given: &Given, mask: &Tensor, x: &Tensor) -> Given {
    let values = x * mask;
    let mask = mask.to_kind(x.kind());
    Given::Numbers(match given {
        Given::Numbers(own) => Tensor::cat(&[own.to_kind(x.kind()).to_device(x.device()), mask, values], 1),
        _ => Tensor::cat(&[mask, values], 1),
    })
}

/// The conditions for states `x`, `[B, D]`, of which no coordinate is known.
pub fn nothing(given: &Given, x: &Tensor) -> Given {
    with(given, &x.zeros_like(), x)
}

/// The parts of conditions that [`with`] made for states of dimension `dim`: the points' own conditions, `[B, K]`,
/// and the mask and the values of known coordinates, `[B, D]` each.
pub fn parts(numbers: &Tensor, dim: i64) -> (Tensor, Tensor, Tensor) {
    let own = numbers.size()[1] - 2 * dim;
    (numbers.narrow(1, 0, own), numbers.narrow(1, own, dim), numbers.narrow(1, own + dim, dim))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_together_comes_apart() {
        let (own, x) = (
            Tensor::from_slice(&[5.0, 6.0]).view([2, 1]),
            Tensor::from_slice(&[1.0, 2.0, 3.0, 4.0, 7.0, 8.0]).view([2, 3]),
        );
        let mask = Tensor::from_slice(&[1.0, 0.0, 1.0, 0.0, 0.0, 1.0]).view([2, 3]);
        let given = with(&Given::Numbers(own.shallow_clone()), &mask, &x);
        let whole = space(Space { dim: 3, given: GivenSpace::Numbers { n: 1 } });
        given.check("a test", whole.given, 2).unwrap();
        let (first, second, third) = parts(given.tensor().unwrap(), 3);
        assert!(first.equal(&own) && second.equal(&mask) && third.equal(&(x.shallow_clone() * mask)));
        let none = nothing(&Given::Nothing, &x);
        assert!(none.tensor().unwrap().equal(&Tensor::zeros([2, 6], (x.kind(), x.device()))));
        assert_eq!(space(Space::from(3)).given, GivenSpace::Numbers { n: 6 });
    }
}

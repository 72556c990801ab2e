//! The base of a flow of y given c: normal numbers behind the places of the conditions.

use tch::{Kind, Tensor};

use super::{Density, Sampler, StandardNormal};
use crate::rng::{Draw, Stream};

/// N(0, I) of y for points `(c, y)`, whose first coordinates are conditions. Its density is that of y given c, and
/// its samples have 0 where conditions belong.
#[derive(Debug, Clone, Copy)]
pub struct ConditionalNormal {
    /// How many conditions there are.
    pub n_given: i64,
    /// The law of y.
    pub normal: StandardNormal,
}

impl ConditionalNormal {
    fn with_places(&self, y: &Tensor) -> Tensor {
        let places = y.new_zeros([y.size()[0], self.n_given], (y.kind(), y.device()));
        Tensor::cat(&[&places, y], 1)
    }
}

impl Sampler for ConditionalNormal {
    fn dim(&self) -> i64 {
        self.n_given + self.normal.dim
    }

    fn sample(&self, n: i64, draw: &mut Draw, kind: Kind) -> Tensor {
        self.with_places(&self.normal.sample(n, draw, kind))
    }

    fn sample_rows(&self, first: u64, n: i64, stream: &Stream, kind: Kind) -> Tensor {
        self.with_places(&self.normal.sample_rows(first, n, stream, kind))
    }
}

impl Density for ConditionalNormal {
    fn log_density(&self, x: &Tensor) -> Tensor {
        self.normal.log_density(&x.narrow(1, self.n_given, self.normal.dim))
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use crate::rng::Purpose;

    #[test]
    fn conditions_have_places_and_no_part_in_the_density() {
        let law = ConditionalNormal { n_given: 2, normal: StandardNormal { dim: 3 } };
        let x = law.sample_rows(0, 7, &Stream::new(0, Purpose::Test), Kind::Double);
        assert_eq!((law.dim(), x.size()), (5, vec![7, 5]));
        assert!(x.narrow(1, 0, 2).abs().max().double_value(&[]) < 1e-300);
        let point = Tensor::from_slice(&[9.0, -9.0, 1.0, 2.0, 3.0]).view([1, 5]);
        let expected = -0.5 * (1.0 + 4.0 + 9.0) - 1.5 * TAU.ln();
        assert!((law.log_density(&point).double_value(&[0]) - expected).abs() < 1e-12);
    }
}

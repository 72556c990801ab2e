//! A network that can be told any coordinates of its state, and moves only the others.

use interflow_core::field::divergence_by_reverse_mode;
use interflow_core::rng::Draw;
use interflow_core::{At, Given, GivenSpace, Network, Parameters, Space, known};
use tch::Tensor;

/// A network for points of which any coordinates may be known ([`interflow_core::known`]). It gets their values at
/// time 1, however far the path has carried the others, and does not move them. With nothing known, its flow is that
/// of all coordinates; with some known, it is the flow of the others given these.
#[derive(Debug)]
pub struct KnownCoordinates {
    inner: Box<dyn Network>,
}

/// A call as the inner network sees it.
struct Inner {
    x: Tensor,
    given: Given,
    /// 1 where a coordinate moves.
    free: Tensor,
}

impl KnownCoordinates {
    /// The space of the inner network: its conditions are those of the points and, for each coordinate, whether it is
    /// known.
    pub fn inner_space(space: Space) -> Space {
        let n = space.given.n_inputs() + space.dim;
        Space { given: GivenSpace::Numbers { n }, ..space }
    }

    /// Wraps a network for [`KnownCoordinates::inner_space`].
    pub fn new(inner: Box<dyn Network>) -> Self {
        Self { inner }
    }

    fn enter(x: &Tensor, given: &Given) -> Inner {
        let Given::Numbers(numbers) = given else {
            // Its space has numbers, which callers check.
            return Inner { x: x.shallow_clone(), given: given.shallow_clone(), free: x.ones_like() };
        };
        let (own, mask, values) = known::parts(numbers, x.size()[1]);
        let free = mask.neg() + 1.0;
        Inner { x: x * &free + values, given: Given::Numbers(Tensor::cat(&[own, mask], 1)), free }
    }
}

impl Network for KnownCoordinates {
    fn space(&self) -> Space {
        let inner = self.inner.space();
        let n = inner.given.n_inputs() + inner.dim;
        Space { given: GivenSpace::Numbers { n }, ..inner }
    }

    fn parameters(&self) -> &Parameters {
        self.inner.parameters()
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        self.inner.parameters_mut()
    }

    fn value(&self, t: &Tensor, x: &Tensor, given: &Given) -> Tensor {
        let inner = Self::enter(x, given);
        self.inner.value(t, &inner.x, &inner.given) * inner.free
    }

    fn value_in_training(&self, t: &Tensor, x: &Tensor, given: &Given, draw: &mut Draw) -> Tensor {
        let inner = Self::enter(x, given);
        self.inner.value_in_training(t, &inner.x, &inner.given, draw) * inner.free
    }

    fn value_and_quadratic_form(
        &self,
        t: &Tensor,
        x: &Tensor,
        given: &Given,
        u: &Tensor,
    ) -> (Tensor, Tensor) {
        let inner = Self::enter(x, given);
        // Known coordinates neither move nor are moved by.
        let (value, form) =
            self.inner.value_and_quadratic_form(t, &inner.x, &inner.given, &(u * &inner.free));
        (value * inner.free, form)
    }

    fn value_and_divergence(&self, t: &Tensor, x: &Tensor, given: &Given) -> (Tensor, Tensor) {
        let inner = Self::enter(x, given);
        // The only question to the device, which in training nobody asks.
        if inner.free.all().int64_value(&[]) == 1 {
            return self.inner.value_and_divergence(t, &inner.x, &inner.given);
        }
        divergence_by_reverse_mode(&At::new(self, given), t, x)
    }

    fn hidden_matrices(&self) -> Vec<String> {
        self.inner.hidden_matrices()
    }

    fn duplicate(&self) -> interflow_core::Result<Box<dyn Network>> {
        Ok(Box::new(Self::new(self.inner.duplicate()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MlpConfig, ModelConfig};
    use interflow_core::field::quadratic_form_by_reverse_mode;
    use interflow_core::rng::{Purpose, Stream};
    use tch::{Device, Kind};

    fn network() -> KnownCoordinates {
        let space = Space { dim: 3, given: GivenSpace::Numbers { n: 2 } };
        let inner = ModelConfig::Mlp(MlpConfig::new(vec![16, 16]));
        let mut draw = Stream::new(3, Purpose::Init).at(0);
        let options = (Kind::Double, Device::Cpu);
        let mut inner = inner.init(KnownCoordinates::inner_space(space), &mut draw, options).unwrap();
        // The last layer starts at zero.
        let sizes = inner.parameters().detached_copy();
        let weights = sizes
            .iter()
            .zip(10..)
            .map(|((name, weight), number)| (name.clone(), normal(number, &weight.size()) * 0.5));
        let weights: Vec<_> = weights.collect();
        inner.parameters_mut().assign(&weights).unwrap();
        KnownCoordinates::new(inner)
    }

    fn normal(number: u64, size: &[i64]) -> Tensor {
        Stream::named(0, "known coordinates").at(number).normal(size, Kind::Double)
    }

    fn gap(a: &Tensor, b: &Tensor) -> f64 {
        (a - b).abs().max().double_value(&[])
    }

    #[test]
    fn known_coordinates_stay_and_are_all_that_is_seen_of_them() {
        let network = network();
        assert_eq!(network.space().given, GivenSpace::Numbers { n: 8 });
        let (t, x, own) = (normal(0, &[4]).sigmoid(), normal(1, &[4, 3]), Given::Numbers(normal(2, &[4, 2])));
        let mask = Tensor::from_slice(&[0.0, 1.0, 0.0]).view([1, 3]).repeat([4, 1]);
        let values = normal(3, &[4, 3]);
        let given = known::with(&own, &mask, &values);
        let value = network.value(&t, &x, &given);
        assert!(value.select(1, 1).eq(0.0).all().int64_value(&[]) == 1);
        assert!(value.select(1, 0).abs().min().double_value(&[]) > 0.0);
        let elsewhere = &x + Tensor::from_slice(&[0.0, 5.0, 0.0]);
        assert!(network.value(&t, &elsewhere, &given).equal(&value));
        assert!(gap(&network.value(&t, &x, &known::with(&own, &mask, &(values + 1.0))), &value) > 0.0);
    }

    #[test]
    fn derivatives_are_those_of_the_value() {
        let network = network();
        let (t, x, own) = (normal(0, &[4]).sigmoid(), normal(1, &[4, 3]), Given::Numbers(normal(2, &[4, 2])));
        let some = Tensor::from_slice(&[0.0, 1.0, 0.0, 1.0, 1.0, 0.0]).view([2, 3]).repeat([2, 1]);
        for mask in [some, x.zeros_like()] {
            let given = known::with(&own, &mask, &x);
            let u = normal(4, &[4, 3]);
            let (value, divergence) = network.value_and_divergence(&t, &x, &given);
            let (expected, trace) = divergence_by_reverse_mode(&At::new(&network, &given), &t, &x);
            assert!(gap(&value, &expected) < 1e-12 && gap(&divergence, &trace) < 1e-10);
            let (_, form) = network.value_and_quadratic_form(&t, &x, &given, &u);
            let (_, expected) = quadratic_form_by_reverse_mode(&At::new(&network, &given), &t, &x, &u);
            assert!(gap(&form, &expected) < 1e-10);
        }
    }
}

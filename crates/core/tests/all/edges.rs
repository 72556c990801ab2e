//! What does not fit is refused at the edge: shapes, kinds, times, and laws that a formula does not hold for.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use interflow_core::conversion::Conversion;
use interflow_core::density::{
    Density, Gaussian, GaussianMixture, MixturePath, Sampler as _, StandardNormal,
};
use interflow_core::guidance::{Observation, Observed};
use interflow_core::interpolant::{Gamma, Interpolant, Linear};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::target::{Checkerboard, Rings, TwoMoons};
use interflow_core::{Error, Given, Network, Parameters, Result, Space, VectorField, Velocity};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

fn normal(index: u64, shape: &[i64]) -> Tensor {
    Stream::new(5, Purpose::Test).at(index).normal(shape, Kind::Double)
}

fn times(values: &[f64]) -> Tensor {
    Tensor::from_slice(values)
}

fn bridge() -> Interpolant {
    Interpolant::new(Linear, Some(Gamma::Brownian { strength: 0.7 }))
}

/// Every image at its own time, as the rows that it is flattened to.
#[test]
fn a_path_of_images_gives_each_its_own_time() {
    let shape = [3, 2, 3, 3];
    let (x0, x1, z) = (normal(0, &shape), normal(1, &shape), normal(2, &shape));
    let t = times(&[0.2, 0.5, 0.9]);
    for interpolant in [Interpolant::trigonometric(), bridge()] {
        let images = interpolant.path(&t, &x0, &x1, Some(&z)).unwrap();
        let [y0, y1, w] = [&x0, &x1, &z].map(|x| x.view([3, 18]));
        let rows = interpolant.path(&t, &y0, &y1, Some(&w)).unwrap();
        assert!(images.x.equal(&rows.x.view(shape)));
        assert!(images.path_derivative.equal(&rows.path_derivative.view(shape)));
        // One by one, at one time each.
        for i in 0..3 {
            let one = |x: &Tensor| x.narrow(0, i, 1);
            let alone = interpolant.path(&one(&t), &one(&x0), &one(&x1), Some(&one(&z))).unwrap();
            assert!((alone.x - one(&images.x)).abs().max().double_value(&[]) < 1e-15);
        }
    }
}

#[test]
fn a_path_refuses_what_it_would_get_wrong() {
    let (x, z, t) = (normal(0, &[3, 2]), normal(1, &[3, 2]), times(&[0.2, 0.5, 0.9]));
    let path = |t: &Tensor, x0: &Tensor, x1: &Tensor| bridge().path(t, x0, x1, Some(&z));
    assert!(path(&t, &x, &x).is_ok());
    let number = x.select(1, 0);
    assert!(matches!(path(&t, &number, &number), Err(Error::Shape { .. })));
    assert!(matches!(path(&t, &number.select(0, 0), &number.select(0, 0)), Err(Error::Shape { .. })));
    assert!(matches!(path(&t, &x, &x.to_kind(Kind::Float)), Err(Error::Kind { .. })));
    let whole = x.to_kind(Kind::Int64);
    assert!(matches!(path(&t, &whole, &whole), Err(Error::Kind { .. })));
    for bad in [1.5, -0.1, f64::NAN] {
        let refused = path(&times(&[0.2, bad, 0.9]), &x, &x).unwrap_err();
        let Error::Time { found, .. } = refused else { panic!("{refused}") };
        assert_eq!(found.to_bits(), bad.to_bits());
    }
}

/// Densities of two dimensions, and points that would be broadcast to them.
#[test]
fn a_density_refuses_points_of_another_dimension_and_kind() {
    let gaussian = Gaussian::new(&normal(0, &[2]), &Tensor::eye(2, (Kind::Double, Device::Cpu))).unwrap();
    let mixture = GaussianMixture::spherical(&normal(1, &[3, 2]), 0.5).unwrap();
    let laws: [&dyn Density; 6] =
        [&StandardNormal { dim: 2 }, &gaussian, &mixture, &Checkerboard, &Rings, &TwoMoons::new()];
    for (i, law) in laws.into_iter().enumerate() {
        assert_eq!(law.log_density(&normal(2, &[5, 2])).unwrap().size(), [5], "law {i}");
        for bad in [normal(2, &[5, 1]), normal(2, &[5, 3]), normal(2, &[2]), normal(2, &[5, 2, 1])] {
            let found = law.log_density(&bad);
            assert!(matches!(found, Err(Error::Shape { .. })), "law {i}, {:?}", bad.size());
        }
        let whole = normal(2, &[5, 2]).to_kind(Kind::Int64);
        assert!(matches!(law.log_density(&whole), Err(Error::Kind { .. })), "law {i}");
    }
    assert!(mixture.observed(0, f64::NAN, 1.0).is_err() && mixture.observed(2, 0.0, 1.0).is_err());
}

#[test]
fn a_mixture_path_has_times_from_0_to_1() {
    let law = |index| GaussianMixture::spherical(&normal(index, &[2, 2]), 0.5).unwrap();
    let path = MixturePath::new(&law(0), &law(1), bridge()).unwrap();
    let x = normal(2, &[3, 2]);
    assert_eq!(path.log_density(&times(&[0.0, 0.5, 1.0]), &x).unwrap().size(), [3]);
    let late = times(&[0.0, 0.5, 1.5]);
    assert!(matches!(path.log_density(&late, &x), Err(Error::Time { .. })));
    assert!(matches!(path.log_density(&late.narrow(0, 0, 2), &x), Err(Error::Shape { .. })));
    assert!(matches!(path.log_density(&late.narrow(0, 0, 2), &x.narrow(1, 0, 1)), Err(Error::Shape { .. })));
    // Fields are no results: beyond the ends their numbers are none.
    let value = path.velocity().value(&times(&[0.0, 0.5, 5.0]), &x);
    assert!(value.select(0, 2).isnan().all().int64_value(&[]) == 1, "{value}");
    assert!(value.narrow(0, 0, 2).isfinite().all().int64_value(&[]) == 1, "{value}");
}

/// `W x`, a network whose weights are in single precision.
struct Linearly {
    space: Space,
    parameters: Parameters,
}

impl Linearly {
    fn new(space: Space) -> Self {
        let mut parameters = Parameters::new();
        let _ = parameters.add("weight", &normal(7, &[2, 2]).to_kind(Kind::Float));
        Self { space, parameters }
    }
}

impl Network for Linearly {
    fn space(&self) -> Space {
        self.space
    }
    fn parameters(&self) -> &Parameters {
        &self.parameters
    }
    fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }
    fn value(&self, _t: &Tensor, x: &Tensor, _given: &Given) -> Tensor {
        x.matmul(&self.parameters.tensors()[0])
    }
    fn duplicate(&self) -> Result<Box<dyn Network>> {
        Ok(Box::new(Self::new(self.space)))
    }
}

#[test]
fn a_network_refuses_points_of_another_kind_and_conditions_of_other_rows() {
    use interflow_core::GivenSpace;
    let single = normal(0, &[3, 2]).to_kind(Kind::Float);
    let plain = Linearly::new(Space::from(2));
    let field = (&plain as &dyn Network).at(&Given::Nothing);
    assert!(field.check_points("a test", &single).is_ok());
    let message = field.check_points("a test", &normal(0, &[3, 2])).unwrap_err().to_string();
    assert_eq!(message, "a test: expected Float on Cpu, found: Double on Cpu");
    assert!(matches!(field.check_points("a test", &single.narrow(1, 0, 1)), Err(Error::Shape { .. })));
    assert!(matches!(field.check_points("a test", &single.to_kind(Kind::Int64)), Err(Error::Kind { .. })));
    // A role and a pointer ask the field inside.
    assert!(Velocity(&field).check_points("a test", &normal(0, &[3, 2])).is_err());
    let conversion = Conversion::new(Interpolant::linear(), StandardNormal { dim: 2 }).unwrap();
    let guided = conversion.guided(Velocity(&field), Observed(Vec::new())).unwrap();
    assert!(guided.check_points("a test", &normal(0, &[3, 2])).is_err());
    assert!(conversion.score(Velocity(&field)).check_points("a test", &normal(0, &[3, 2])).is_err());
    assert!(conversion.posterior_means(&Velocity(&field), 0.5, &normal(0, &[3, 2])).is_err());

    let conditional = Linearly::new(Space { dim: 2, given: GivenSpace::Numbers { n: 1 } });
    let at = |numbers: Tensor| (&conditional as &dyn Network).at(&Given::Numbers(numbers));
    let numbers = |rows| normal(1, &[rows, 1]).to_kind(Kind::Float);
    assert!(at(numbers(3)).check_points("a test", &single).is_ok());
    assert!(matches!(at(numbers(4)).check_points("a test", &single), Err(Error::Given { .. })));
    assert!(matches!(at(normal(1, &[3, 1])).check_points("a test", &single), Err(Error::Kind { .. })));
}

#[test]
fn guidance_refuses_what_its_formula_does_not_hold_for() {
    struct Still;
    impl VectorField for Still {
        fn dim(&self) -> i64 {
            2
        }
        fn value(&self, _t: &Tensor, x: &Tensor) -> Tensor {
            x.zeros_like()
        }
    }
    let eye = Tensor::eye(2, (Kind::Double, Device::Cpu));
    let standard = Conversion::new(Interpolant::linear(), StandardNormal { dim: 2 }).unwrap();
    let wide = Gaussian::new(&normal(0, &[2]), &(&eye * 4.0)).unwrap();
    assert_eq!(wide.dim(), 2);
    let wide = Conversion::new(Interpolant::linear(), &wide).unwrap();
    let seen = |coordinate, value, std| Observed(vec![Observation { coordinate, value, std }]);
    assert!(matches!(wide.guided(Velocity(Still), seen(0, 1.0, 0.5)), Err(Error::Base { .. })));
    assert!(standard.guided(Velocity(Still), seen(1, 1.0, 0.5)).is_ok());
    for bad in [seen(2, 1.0, 0.5), seen(-1, 1.0, 0.5), seen(0, f64::NAN, 0.5), seen(0, 1.0, 0.0)] {
        let found = standard.guided(Velocity(Still), bad.clone());
        assert!(matches!(found, Err(Error::OutOfRange { .. })), "{bad:?}");
    }
}

#[test]
fn weights_have_a_storage_of_their_own() {
    let given = normal(0, &[2, 2]);
    let before = given.copy();
    let mut parameters = Parameters::new();
    let weight = parameters.add("weight", &given);
    let fixed = parameters.fix("fixed", &given);
    let zeros = |name: &str| (name.to_owned(), Tensor::zeros([2, 2], (Kind::Double, Device::Cpu)));
    parameters.assign(&[zeros("weight"), zeros("fixed")]).unwrap();
    assert!(given.equal(&before));
    for own in [weight, fixed] {
        assert!(own.detach().equal(&zeros("").1));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the shapes and kinds: an error, or finite numbers of the right shape.
    #[test]
    fn a_path_is_an_error_or_right(
        shape0 in prop::collection::vec(0i64..4, 0..4), shape1 in prop::collection::vec(0i64..4, 0..4),
        same: bool, n_times in 0i64..4, late: bool, kind in 0usize..3, with_latent: bool,
    ) {
        let kinds = [Kind::Double, Kind::Float, Kind::Int64];
        let shape1 = if same { shape0.clone() } else { shape1 };
        let (x0, x1) = (normal(0, &shape0).to_kind(kinds[kind]), normal(1, &shape1).to_kind(kinds[kind]));
        let t = Tensor::full([n_times], if late { 1.5 } else { 0.4 }, (Kind::Double, Device::Cpu));
        let z = with_latent.then(|| normal(2, &shape0).to_kind(kinds[kind]));
        for interpolant in [Interpolant::linear(), bridge()] {
            if let Ok(point) = interpolant.path(&t, &x0, &x1, z.as_ref()) {
                prop_assert_eq!(point.x.size(), shape0.clone());
                prop_assert_eq!(point.path_derivative.size(), shape0.clone());
                prop_assert!(point.x.isfinite().all().int64_value(&[]) == 1);
            }
        }
    }

    #[test]
    fn a_log_density_is_an_error_or_right(shape in prop::collection::vec(0i64..4, 0..4), kind in 0usize..3) {
        let x = normal(0, &shape).to_kind([Kind::Double, Kind::Float, Kind::Int64][kind]);
        let mixture = GaussianMixture::spherical(&normal(1, &[3, 2]), 0.5).unwrap();
        let laws: [&dyn Density; 4] = [&StandardNormal { dim: 2 }, &mixture, &Rings, &TwoMoons::new()];
        for law in laws {
            if let Ok(found) = law.log_density(&x) {
                prop_assert_eq!(found.size(), vec![shape[0]]);
                prop_assert!(shape[1..] == [2] && found.isfinite().all().int64_value(&[]) == 1);
            }
        }
    }
}

//! A velocity rescaled to another interpolant against that interpolant's own exact velocity.

#![allow(clippy::unwrap_used)]

use interflow_core::density::{GaussianMixture, MixturePath};
use interflow_core::field::{divergence_by_reverse_mode, quadratic_form_by_reverse_mode};
use interflow_core::interpolant::{
    EncodingDecoding, Gamma, Interpolant, Linear, Schedule, ScheduleCoefficients,
};
use interflow_core::rescaled::Clock;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Error, VectorField, Velocity};
use proptest::prelude::*;
use tch::{Kind, Tensor};

/// `α = 1 − t + 0.3 t(1 − t)`, `β = t + 0.5 t(1 − t)`: a schedule that does not know its own clock.
#[derive(Debug)]
struct Bent;

impl Schedule for Bent {
    fn coefficients(&self, t: &Tensor) -> ScheduleCoefficients {
        let bump = t - t.square();
        let slope: Tensor = 1.0 - t * 2.0;
        ScheduleCoefficients {
            alpha: &bump * 0.3 - t + 1.0,
            alpha_dot: &slope * 0.3 - 1.0,
            beta: t + bump * 0.5,
            beta_dot: slope * 0.5 + 1.0,
        }
    }
}

fn interpolant(which: usize) -> Interpolant {
    match which {
        0 => Interpolant::trigonometric(),
        1 => Interpolant::linear(),
        _ => Interpolant::new(Bent, None),
    }
}

fn normal(seed: u64, shape: &[i64]) -> Tensor {
    Stream::new(seed, Purpose::Test).at(0).normal(shape, Kind::Double)
}

fn path(seed: u64, dim: i64, which: usize) -> MixturePath {
    let rho0 = GaussianMixture::spherical(&(normal(seed, &[2, dim]) * 0.7), 0.9).unwrap();
    let rho1 = GaussianMixture::spherical(&(normal(seed + 1, &[3, dim]) * 1.5), 0.5).unwrap();
    MixturePath::new(&rho0, &rho1, interpolant(which)).unwrap()
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Neither end is Gaussian. The ends of time are among the times.
    #[test]
    fn a_rescaled_velocity_is_that_of_the_other_path(
        seed in 0u64..1000, dim in 1i64..5, from in 0usize..3, to in 0usize..3, time in 0.01f64..0.99,
    ) {
        let (old, new) = (path(seed, dim, from), path(seed, dim, to));
        let rescaled = old.velocity().rescaled(interpolant(from), interpolant(to)).unwrap();
        let x = normal(seed + 2, &[4, dim]) * 1.5;
        let t = Tensor::from_slice(&[0.0, time, 0.5, 1.0]);
        let (value, divergence) = rescaled.value_and_divergence(&t, &x);
        let (exact, exact_divergence) = new.velocity().value_and_divergence(&t, &x);
        prop_assert!(largest(&(value - exact)) < 1e-9, "from {from} to {to}");
        prop_assert!(largest(&(divergence - exact_divergence)) < 1e-8, "from {from} to {to}");
    }

    #[test]
    fn there_and_back_is_the_velocity_itself(
        seed in 0u64..1000, dim in 1i64..5, from in 0usize..3, to in 0usize..3, time in 0.01f64..0.99,
    ) {
        let own = path(seed, dim, from).velocity();
        let x = normal(seed + 2, &[3, dim]);
        let t = Tensor::from_slice(&[0.0, time, 1.0]);
        let there = own.clone().rescaled(interpolant(from), interpolant(to)).unwrap();
        let back = there.rescaled(interpolant(to), interpolant(from)).unwrap();
        prop_assert!(largest(&(back.value(&t, &x) - own.value(&t, &x))) < 1e-9);
    }

    /// The derivatives that the wrapper propagates are those of its values.
    #[test]
    fn derivatives_are_those_of_the_value(seed in 0u64..1000, from in 0usize..3, to in 0usize..3) {
        let rescaled =
            path(seed, 3, from).velocity().rescaled(interpolant(from), interpolant(to)).unwrap();
        let (x, u) = (normal(seed + 2, &[3, 3]), normal(seed + 3, &[3, 3]));
        let t = Tensor::from_slice(&[0.1, 0.4, 0.9]);
        let (_, form) = rescaled.value_and_quadratic_form(&t, &x, &u);
        let (_, divergence) = rescaled.value_and_divergence(&t, &x);
        prop_assert!(largest(&(form - quadratic_form_by_reverse_mode(&rescaled, &t, &x, &u).1)) < 1e-9);
        prop_assert!(largest(&(divergence - divergence_by_reverse_mode(&rescaled, &t, &x).1)) < 1e-9);
    }

    /// Points of the two paths between the same ends coincide up to the scale.
    #[test]
    fn the_clock_finds_the_same_points(from in 0usize..3, to in 0usize..3, time in 0.0f64..=1.0) {
        let (x0, x1) = (normal(1, &[1, 2]), normal(2, &[1, 2]));
        let t = Tensor::from_slice(&[time]);
        let moment = Clock::new(interpolant(from), interpolant(to)).unwrap().at(&t);
        let new = interpolant(to).path(&t, &x0, &x1, None).unwrap().x;
        let old = interpolant(from).path(&moment.time, &x0, &x1, None).unwrap().x;
        prop_assert!(largest(&(new - moment.scale * old)) < 1e-12);
    }
}

#[test]
fn paths_with_a_latent_are_refused() {
    let latent = || Interpolant::new(Linear, Some(Gamma::Quadratic));
    let broken = Interpolant::new(EncodingDecoding, None);
    for (from, to) in [
        (latent(), Interpolant::linear()),
        (Interpolant::linear(), latent()),
        (Interpolant::linear(), broken),
    ] {
        let refused = Velocity(path(0, 2, 0).velocity()).rescaled(from, to);
        assert!(matches!(refused, Err(Error::Interpolant { .. })));
    }
}

//! Interpolants: boundary values and derivatives.

use std::sync::Arc;

use interflow_core::backward::{self, Graph};
use interflow_core::interpolant::{
    EncodingDecoding, Gamma, GammaConfig, Interpolant, InterpolantConfig, Linear, Schedule, ScheduleKind,
    Trigonometric,
};
use interflow_core::rng::{Purpose, Stream};
use proptest::prelude::*;
use tch::{Kind, Tensor};

const KINDS: usize = 6;

fn interpolant(which: usize) -> Interpolant {
    match which {
        0 => Interpolant::trigonometric(),
        1 => Interpolant::linear(),
        2 => Interpolant::new(EncodingDecoding, Some(Gamma::SineSquared)),
        3 => Interpolant::new(Linear, Some(Gamma::Brownian { strength: 0.7 })),
        4 => Interpolant::new(Trigonometric, Some(Gamma::Quadratic)),
        _ => Interpolant::new(Linear, Some(Gamma::SineSquared)),
    }
}

fn normal(index: u64) -> Tensor {
    Stream::new(2, Purpose::Test).at(index).normal(&[4, 3], Kind::Double)
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

/// d(f(t))/dt by reverse mode; 0 where f does not depend on t.
fn slope(f: impl Fn(&Tensor) -> Tensor, t: &Tensor) -> Tensor {
    let t = t.detach().set_requires_grad(true);
    backward::gradient("a test", &f(&t).sum(Kind::Double), &t, Graph::Freed).unwrap()
}

#[test]
fn the_path_starts_at_x0_and_ends_at_x1() {
    let (x0, x1, z) = (normal(0), normal(1), normal(2));
    for which in 0..KINDS {
        let interpolant = interpolant(which);
        for (time, end) in [(0.0, &x0), (1.0, &x1)] {
            let t = Tensor::from_slice(&[time; 4]);
            let point = interpolant.path(&t, &x0, &x1, Some(&z)).unwrap();
            assert!(largest(&(point.x - end)) < 1e-14, "{interpolant:?} at {time}");
        }
    }
}

/// Also through a pointer, which a network that sees the path's coefficients shares with the path.
#[test]
fn a_config_builds_the_schedule_that_it_names() {
    let t = Tensor::from_slice(&[0.1, 0.4, 0.8]);
    let kinds: [(ScheduleKind, &dyn Schedule); 3] = [
        (ScheduleKind::Trigonometric, &Trigonometric),
        (ScheduleKind::Linear, &Linear),
        (ScheduleKind::EncodingDecoding, &EncodingDecoding),
    ];
    for (kind, schedule) in kinds {
        let built = InterpolantConfig { kind, gamma: None }.build().unwrap();
        assert_eq!(built.has_latent(), kind == ScheduleKind::EncodingDecoding);
        let gamma = Some(GammaConfig::Quadratic {});
        assert!(InterpolantConfig { kind, gamma }.build().unwrap().has_latent());
        let shared: Arc<dyn Schedule> = kind.build().into();
        let expected = schedule.coefficients(&t);
        for found in [built.schedule(&t), Interpolant::new(shared, None).schedule(&t)] {
            assert_eq!((found.alpha, found.beta), (expected.alpha.copy(), expected.beta.copy()));
            assert_eq!(
                (found.alpha_dot, found.beta_dot),
                (expected.alpha_dot.copy(), expected.beta_dot.copy())
            );
        }
    }
    // Bisection would not be exact.
    let (alpha, beta) = (Tensor::from_slice(&[0.3]), Tensor::from_slice(&[0.1]));
    let shared: Arc<dyn Schedule> = Arc::new(Linear);
    assert_eq!(shared.time_at(&alpha, &beta), Linear.time_at(&alpha, &beta));
}

#[test]
fn a_path_checks_its_shapes() {
    let (x0, x1, t) = (normal(0), normal(1), Tensor::from_slice(&[0.5; 4]));
    assert!(interpolant(0).path(&t, &x0, &x1.tr(), None).is_err());
    assert!(interpolant(0).path(&t.narrow(0, 0, 3), &x0, &x1, None).is_err());
    assert!(interpolant(3).path(&t, &x0, &x1, None).is_err(), "a latent is missing");
    assert!(interpolant(0).path(&t, &x0, &x1, None).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_derivatives_are_derivatives(times in prop::collection::vec(0.01f64..0.99, 4)) {
        let t = Tensor::from_slice(&times);
        for which in 0..KINDS {
            let interpolant = interpolant(which);
            let c = interpolant.schedule(&t);
            prop_assert!(largest(&(slope(|t| interpolant.schedule(t).alpha, &t) - c.alpha_dot)) < 1e-11);
            prop_assert!(largest(&(slope(|t| interpolant.schedule(t).beta, &t) - c.beta_dot)) < 1e-11);
            if let Some(gamma) = interpolant.gamma() {
                let g = gamma.coefficients(&t);
                prop_assert!(largest(&(slope(|t| gamma.coefficients(t).gamma, &t) - &g.gamma_dot)) < 1e-11);
                prop_assert!(largest(&(g.gamma * g.gamma_dot - g.gamma_gamma_dot)) < 1e-13);
            }
        }
    }

    #[test]
    fn the_path_derivative_is_the_paths_slope(times in prop::collection::vec(0.02f64..0.48, 4)) {
        // Both sides of the encoding–decoding schedule's kink at ½.
        let t = Tensor::from_slice(&[times[0], 1.0 - times[1], times[2], 1.0 - times[3]]);
        let (x0, x1, z, h) = (normal(0), normal(1), normal(2), 1e-5);
        for which in 0..KINDS {
            let interpolant = interpolant(which);
            let at = |t: &Tensor| interpolant.path(t, &x0, &x1, Some(&z)).unwrap();
            let quotient = (at(&(&t + h)).x - at(&(&t - h)).x) / (2.0 * h);
            let error = largest(&(quotient - at(&t).path_derivative));
            prop_assert!(error < 1e-5, "{interpolant:?}: {error}");
        }
    }
}

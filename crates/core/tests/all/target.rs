//! The two-dimensional targets: normalised, finite, and sampled from the density they claim.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use interflow_core::density::Sampler;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::{Fresh, Source};
use interflow_core::target::{DensityConfig, Target};
use serde::Deserialize;
use serde::de::value::MapDeserializer;
use tch::{Device, Kind, Tensor};

const ALL: [DensityConfig; 7] = [
    DensityConfig::Checkerboard {},
    DensityConfig::EightGaussians {},
    DensityConfig::Rings {},
    DensityConfig::TwoMoons {},
    DensityConfig::Spirals {},
    DensityConfig::Pinwheel {},
    DensityConfig::Swissroll {},
];

fn known() -> impl Iterator<Item = (DensityConfig, Target)> {
    ALL.into_iter()
        .map(|config| (config, config.build().unwrap()))
        .filter(|(_, target)| target.density().is_some())
}

/// The centres `[n², 2]` of a grid of n × n cells over [−half, half]².
fn grid(half: f64, n: i64) -> Tensor {
    let axis = (Tensor::arange(n, (Kind::Double, Device::Cpu)) + 0.5) * (2.0 * half / n as f64) - half;
    let axes = Tensor::meshgrid_indexing(&[&axis, &axis], "ij");
    Tensor::stack(&[axes[0].flatten(0, -1), axes[1].flatten(0, -1)], 1)
}

#[test]
fn densities_integrate_to_one() {
    for (config, target) in known() {
        // Cells of 0.04, an edge at every multiple of 2.
        let (half, n) = (6.0, 300);
        let log_density = target.density().unwrap().log_density(&grid(half, n)).unwrap();
        let mass = log_density.exp().sum(Kind::Double).double_value(&[]) * (2.0 * half / n as f64).powi(2);
        assert!((mass - 1.0).abs() < 1e-4, "{config:?}: mass {mass}");
    }
}

/// The mean of log ρ over samples is ∫ρ log ρ by quadrature, within 5 standard errors.
#[test]
fn samples_have_the_density_they_claim() {
    for (config, target) in known() {
        let density = target.density().unwrap();
        let x = target.sampler().sample(4000, &mut Stream::new(5, Purpose::Test).at(0), Kind::Double);
        let values = density.log_density(&x).unwrap();
        let (mean, std) = (values.mean(Kind::Double).double_value(&[]), values.std(true).double_value(&[]));
        let on_grid = density.log_density(&grid(6.0, 300)).unwrap();
        let integrand = on_grid.exp() * on_grid.clamp_min(-700.0);
        let expected = integrand.sum(Kind::Double).double_value(&[]) * 0.04f64.powi(2);
        let bound = 5.0 * std / 4000f64.sqrt() + 1e-3;
        assert!((mean - expected).abs() < bound, "{config:?}: {mean}, expected {expected} ± {bound}");
    }
}

#[test]
fn every_target_samples_inside_its_window() {
    for config in ALL {
        let target = config.build().unwrap();
        let x = target.sampler().sample(1000, &mut Stream::new(1, Purpose::Target).at(3), Kind::Float);
        assert_eq!((x.size(), x.kind()), (vec![1000, 2], Kind::Float));
        let inside = x.abs().le(target.extent()).to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
        assert!(inside > 0.99, "{config:?}: {inside}");
        if let Some(density) = target.density() {
            assert_eq!(density.log_density(&x).unwrap().isfinite().all().int64_value(&[]), 1, "{config:?}");
        }
    }
}

#[test]
fn rows_do_not_depend_on_the_batch() {
    let stream = Stream::new(9, Purpose::Sampling);
    for config in ALL {
        let target = config.build().unwrap();
        let whole = target.sample_rows(10, 7, &stream, Kind::Double);
        let part = target.sample_rows(13, 2, &stream, Kind::Double);
        assert_eq!(whole.narrow(0, 3, 2), part, "{config:?}");
    }
}

#[test]
fn the_checkerboard_is_uniform_on_its_squares() {
    let target = DensityConfig::Checkerboard {}.build().unwrap();
    let x = Tensor::from_slice(&[-3.0, -3.0, -1.0, -3.0, 1.0, 3.9, 3.0, 3.0, 5.0, 5.0]).view([5, 2]);
    let values: Vec<f64> = target.density().unwrap().log_density(&x).unwrap().try_into().unwrap();
    let inside = -(32f64.ln());
    let expected = [inside, f64::NEG_INFINITY, f64::NEG_INFINITY, inside, f64::NEG_INFINITY];
    for (value, expected) in values.iter().zip(expected) {
        assert!(value.total_cmp(&expected).is_eq() || (value - expected).abs() < 1e-15, "{values:?}");
    }
}

#[test]
fn the_moons_density_agrees_with_another_quadrature() {
    // The trapezoid rule on a fine grid of angles, an independent quadrature.
    let target = DensityConfig::TwoMoons {}.build().unwrap();
    for (x, y) in [(1.0f64, -0.3f64), (-3.0, -0.2), (0.0, 4.5)] {
        let n = 20_000;
        let gauss = |cx: f64, cy: f64| (-((x - cx).powi(2) + (y - cy).powi(2)) / (2.0 * 0.04)).exp();
        let sum: f64 = (0..=n)
            .map(|k| {
                let (sin, cos) = (std::f64::consts::PI * f64::from(k) / f64::from(n)).sin_cos();
                let weight = if k == 0 || k == n { 0.5 } else { 1.0 };
                weight * (gauss(-1.0 + 2.0 * cos, -0.2 + 2.0 * sin) + gauss(1.0 - 2.0 * cos, 0.8 - 2.0 * sin))
            })
            .sum();
        let expected = (sum / f64::from(n) / 2.0 / (std::f64::consts::TAU * 0.04)).ln();
        let point = Tensor::from_slice(&[x, y]).view([1, 2]);
        let value = target.density().unwrap().log_density(&point).unwrap().double_value(&[0]);
        assert!((value - expected).abs() < 1e-6, "({x}, {y}): {value}, expected {expected}");
    }
}

/// The config with the given keys.
fn read(keys: &[(&str, &str)]) -> Result<DensityConfig, serde::de::value::Error> {
    DensityConfig::deserialize(MapDeserializer::new(keys.iter().copied()))
}

#[test]
fn configs_are_named_in_kebab_case_and_refuse_unknown_keys() {
    assert_eq!(read(&[("kind", "two-moons")]), Ok(DensityConfig::TwoMoons {}));
    assert_eq!(read(&[("kind", "eight-gaussians")]), Ok(DensityConfig::EightGaussians {}));
    assert!(read(&[("kind", "checkerboard"), ("size", "4")]).is_err());
    assert!(read(&[("kind", "chessboard")]).is_err());
}

#[test]
fn a_shared_sampler_is_a_source() {
    let sampler: Arc<dyn Sampler> = Arc::new(DensityConfig::Rings {}.build().unwrap());
    let stream = Stream::new(4, Purpose::Target);
    let source = Fresh(sampler);
    let batch = source.batch(5, 2, &stream);
    assert_eq!(batch.x, source.batch(5, 2, &stream).x);
    assert_eq!((source.space(), batch.x.size()), (2.into(), vec![5, 2]));
    assert!(batch.given.is_nothing());
}

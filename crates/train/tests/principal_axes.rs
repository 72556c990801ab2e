//! The Gaussian along cosines, of images whose moments are known exactly.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod support;

use std::f64::consts::PI;

use interflow_core::density::{Density, Gaussian, GaussianMixture, MixturePath};
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::tch::{Device, Kind, Tensor};
use interflow_core::{Given, Network as _, VectorField};
use interflow_train::{CosineAxes, Error, GaussianResidual, PrincipalAxes};
use support::Mlp;

/// Colours, rows, columns.
const SHAPE: [i64; 3] = [3, 4, 2];
const DIM: i64 = 24;
const OPTIONS: (Kind, Device) = (Kind::Double, Device::Cpu);

fn normal(shape: &[i64], place: u64) -> Tensor {
    Stream::new(7, Purpose::Test).at(place).normal(shape, Kind::Double)
}

/// Orthonormal cosines by columns, from the definition.
fn cosines(n: i64) -> Tensor {
    let number = |j: i64, k: i64| {
        let scale = if k == 0 { 1.0 } else { 2.0 } / n as f64;
        scale.sqrt() * (PI * (j as f64 + 0.5) * k as f64 / n as f64).cos()
    };
    let numbers: Vec<f64> = (0..n).flat_map(|j| (0..n).map(move |k| number(j, k))).collect();
    Tensor::from_slice(&numbers).view([n, n])
}

/// Mean, axes by columns and variances of a law of images whose axes are a turn of the colours times cosines.
fn law() -> (Tensor, Tensor, Tensor) {
    let (colours, _) = Tensor::linalg_qr(&normal(&[3, 3], 0), "reduced");
    let axes = colours.contiguous().kron(&cosines(SHAPE[1]).kron(&cosines(SHAPE[2])));
    let scale = Tensor::from_slice(&[9.0, 1.0, 0.1]).kron(&Tensor::ones([DIM / 3], OPTIONS));
    (normal(&[DIM], 1), axes, scale * (normal(&[DIM], 2) * 0.5).exp())
}

/// Points with exactly that mean and covariance: the mean and as far on either side of it along each axis as the
/// number of axes demands.
fn points() -> Tensor {
    let (mean, axes, variances) = law();
    let offsets = (variances * DIM as f64).sqrt().unsqueeze(1) * axes.tr();
    Tensor::cat(&[&mean + &offsets, mean - offsets], 0)
}

fn covariance() -> Tensor {
    let (_, axes, variances) = law();
    (&axes * variances).matmul(&axes.tr())
}

fn axes() -> PrincipalAxes {
    let mut running = CosineAxes::new(SHAPE);
    for batch in points().split(13, 0) {
        running.add(&batch).unwrap();
    }
    running.axes().unwrap()
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

#[test]
fn the_density_is_that_of_the_full_covariance() {
    let x = normal(&[5, DIM], 3) * 2.0;
    let exact = Gaussian::new(&law().0, &covariance()).unwrap().log_density(&x).unwrap();
    assert!(largest(&(axes().log_density(&x).unwrap() - &exact)) < 1e-9 * largest(&exact));
    let principal = PrincipalAxes::of(&law().0, &covariance()).unwrap();
    assert!(largest(&(principal.log_density(&x).unwrap() - &exact)) < 1e-9 * largest(&exact));
}

#[test]
fn a_network_that_says_nothing_leaves_the_gaussian_velocity() {
    let (t, x) = (normal(&[9], 4).sigmoid(), normal(&[9, DIM], 5));
    let mixture = |mean: &Tensor, covariance: &Tensor| {
        GaussianMixture::new(&[1.0], &mean.unsqueeze(0), &covariance.unsqueeze(0)).unwrap()
    };
    let base = mixture(&Tensor::zeros([DIM], OPTIONS), &Tensor::eye(DIM, OPTIONS));
    let target = mixture(&law().0, &covariance());
    let exact = MixturePath::new(&base, &target, Interpolant::trigonometric()).unwrap();
    let (value, divergence) = exact.velocity().value_and_divergence(&t, &x);
    let field =
        GaussianResidual::new(Box::new(Mlp::zero(DIM)), Interpolant::trigonometric(), &axes()).unwrap();
    let float = |x: &Tensor| x.to_kind(Kind::Float);
    let found = field.value_and_divergence(&float(&t), &float(&x), &Given::Nothing);
    assert!(largest(&(found.0 - &value)) < 1e-4 * largest(&value));
    assert!(largest(&(found.1 - &divergence)) < 1e-4 * largest(&divergence));
}

#[test]
fn images_of_another_size_and_too_few_are_refused() {
    let mut running = CosineAxes::new(SHAPE);
    assert!(running.add(&normal(&[2, DIM - 1], 6)).is_err());
    running.add(&normal(&[1, DIM], 6)).unwrap();
    assert!(matches!(running.axes(), Err(Error::OutOfRange { value: 1.0, .. })));
}

#[test]
fn copies_for_a_checkpoint_have_its_shapes() {
    let residual = |axes: &PrincipalAxes| {
        GaussianResidual::new(Box::new(Mlp::zero(DIM)), Interpolant::linear(), axes).unwrap()
    };
    let shapes = |field: &GaussianResidual| -> Vec<(String, Vec<i64>)> {
        field.parameters().iter().map(|(name, weight)| (name.to_owned(), weight.size())).collect()
    };
    let standard = residual(&PrincipalAxes::standard_cosine(SHAPE));
    assert_eq!(shapes(&standard), shapes(&residual(&axes())));
    assert_ne!(shapes(&standard), shapes(&residual(&PrincipalAxes::standard(DIM))));
}

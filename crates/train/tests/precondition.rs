//! The preconditioned velocity: its Gaussian part is the exact one, and only the network is trained.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod support;

use std::sync::Arc;

use interflow_core::density::{Gaussian, GaussianMixture, MixturePath};
use interflow_core::field::{divergence_by_reverse_mode, quadratic_form_by_reverse_mode};
use interflow_core::interpolant::{Gamma, Interpolant, Linear};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Fresh;
use interflow_core::tch::{Kind, Tensor};
use interflow_core::{Network, VectorField};
use interflow_train::{Checkpoint, GaussianResidual, PrincipalAxes, Problem, Silent, Trainer};
use support::{Mlp, normals, short};

const MEAN: [f64; 3] = [0.5, -1.0, 2.0];
const COVARIANCE: [f64; 9] = [1.0, 0.6, 0.0, 0.6, 0.5, 0.05, 0.0, 0.05, 0.03];

fn moments() -> (Tensor, Tensor) {
    (Tensor::from_slice(&MEAN), Tensor::from_slice(&COVARIANCE).view([3, 3]))
}

fn preconditioned(network: Mlp, interpolant: Interpolant) -> GaussianResidual {
    let (mean, covariance) = moments();
    let axes = PrincipalAxes::of(&mean, &covariance).unwrap();
    GaussianResidual::new(Box::new(network), interpolant, &axes).unwrap()
}

fn points(n: i64) -> (Tensor, Tensor) {
    let mut draw = Stream::new(2, Purpose::Test).at(0);
    (draw.uniform(&[n], Kind::Float), draw.normal(&[n, 3], Kind::Float))
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

/// With a network that says nothing, the velocity is that of the Gaussian pair in closed form.
fn check_exact(interpolant: fn() -> Interpolant) {
    let (mean, covariance) = moments();
    let mixture = |mean: &Tensor, covariance: &Tensor| {
        GaussianMixture::new(&[1.0], &mean.unsqueeze(0), &covariance.unsqueeze(0)).unwrap()
    };
    let base = mixture(&mean.zeros_like(), &Tensor::eye(3, (Kind::Double, tch::Device::Cpu)));
    let path = MixturePath::new(&base, &mixture(&mean, &covariance), interpolant()).unwrap();
    let (t, x) = points(50);
    let exact = path.velocity().value(&t.to_kind(Kind::Double), &x.to_kind(Kind::Double));
    let found = preconditioned(Mlp::zero(3), interpolant()).value(&t, &x).to_kind(Kind::Double);
    assert!(largest(&(found - &exact)) < 1e-4 * largest(&exact), "{:?}", interpolant());
}

#[test]
fn the_gaussian_part_is_the_exact_velocity() {
    check_exact(Interpolant::trigonometric);
    check_exact(Interpolant::linear);
    check_exact(|| Interpolant::new(Linear, Some(Gamma::Quadratic)));
}

#[test]
fn derivatives_are_those_of_the_sum() {
    let field = preconditioned(Mlp::new(3, 8, 1), Interpolant::linear());
    let ((t, x), (_, u)) = (points(7), points(7));
    let (value, along) = field.value_and_quadratic_form(&t, &x, &u);
    let (expected, expected_along) = quadratic_form_by_reverse_mode(&field, &t, &x, &u);
    assert!(largest(&(&value - expected)) < 1e-4 && largest(&(along - expected_along)) < 1e-3);
    let (again, divergence) = field.value_and_divergence(&t, &x);
    let (_, expected) = divergence_by_reverse_mode(&field, &t, &x);
    assert!(largest(&(value - again)) < 1e-4 && largest(&(divergence - expected)) < 1e-3);
}

#[test]
fn training_moves_the_network_alone_and_a_checkpoint_keeps_all() {
    let (mean, covariance) = moments();
    let target = || Box::new(Fresh(Arc::new(Gaussian::new(&mean, &covariance).unwrap())));
    let problem =
        Problem { target: target(), held_out_target: target(), ..normals(Interpolant::linear(), 3) };
    let network = preconditioned(Mlp::new(3, 8, 1), Interpolant::linear());
    let before = network.parameters().detached_copy();
    let mut trainer = Trainer::new(short(5), problem, Box::new(network), 1).unwrap();
    trainer.run(&mut Silent).unwrap();
    for ((name, before), (_, after)) in before.iter().zip(trainer.network().parameters().iter()) {
        assert_eq!(before.equal(&after.detach()), name.starts_with("gaussian."), "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.safetensors");
    Checkpoint::save(&file, &trainer, "").unwrap();
    let axes = PrincipalAxes::standard(3);
    let mut restored =
        GaussianResidual::new(Box::new(Mlp::new(3, 8, 1)), Interpolant::linear(), &axes).unwrap();
    restored.parameters_mut().assign(Checkpoint::load(&file).unwrap().network_weights()).unwrap();
    let own = trainer.ema_network().parameters().detached_copy();
    assert!(restored.parameters().iter().zip(&own).all(|((_, a), (_, b))| a.equal(b)));
}

#[test]
fn another_dimension_is_refused() {
    let axes = PrincipalAxes::standard(2);
    let network = GaussianResidual::new(Box::new(Mlp::zero(3)), Interpolant::linear(), &axes);
    assert!(network.is_err());
    let (mean, _) = moments();
    assert!(PrincipalAxes::of(&mean, &Tensor::ones([3, 2], (Kind::Double, tch::Device::Cpu))).is_err());
}

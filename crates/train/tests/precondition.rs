//! The preconditioned velocity: its Gaussian part is the exact one, and only the network is trained.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod support;

use std::sync::{Arc, Mutex};

use interflow_core::density::{Gaussian, GaussianMixture, MixturePath, Sampler};
use interflow_core::interpolant::{Gamma, Interpolant, Linear};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Fresh;
use interflow_core::tch::{Kind, Tensor};
use interflow_core::{At, Given, GivenSpace, Network, Parameters, Result, Space, VectorField};
use interflow_train::{GaussianResidual, PrincipalAxes, Problem, Silent};
use support::{Mlp, normals, saved, short, velocity};

const MEAN: [f64; 3] = [0.5, -1.0, 2.0];
const COVARIANCE: [f64; 9] = [1.0, 0.6, 0.0, 0.6, 0.5, 0.05, 0.0, 0.05, 0.03];

fn moments() -> (Tensor, Tensor) {
    (Tensor::from_slice(&MEAN), Tensor::from_slice(&COVARIANCE).view([3, 3]))
}

fn preconditioned(network: impl Network + 'static, interpolant: Interpolant) -> GaussianResidual {
    let (mean, covariance) = moments();
    let axes = PrincipalAxes::of(&mean, &covariance).unwrap();
    GaussianResidual::new(Box::new(network), interpolant, &axes).unwrap()
}

/// The path from N(0, I) to N(m, S) in closed form.
fn exact_path(interpolant: Interpolant) -> MixturePath {
    let (mean, covariance) = moments();
    let mixture = |mean: &Tensor, covariance: &Tensor| {
        GaussianMixture::new(&[1.0], &mean.unsqueeze(0), &covariance.unsqueeze(0)).unwrap()
    };
    let base = mixture(&mean.zeros_like(), &Tensor::eye(3, (Kind::Double, tch::Device::Cpu)));
    MixturePath::new(&base, &mixture(&mean, &covariance), interpolant).unwrap()
}

const INTERPOLANTS: [fn() -> Interpolant; 3] =
    [Interpolant::trigonometric, Interpolant::linear, || Interpolant::new(Linear, Some(Gamma::Quadratic))];

/// A network that keeps what it was asked last.
struct Recording {
    inner: Mlp,
    asked: Arc<Mutex<Tensor>>,
}

impl Network for Recording {
    fn space(&self) -> Space {
        self.inner.space()
    }

    fn value(&self, t: &Tensor, x: &Tensor, given: &Given) -> Tensor {
        *self.asked.lock().unwrap() = x.shallow_clone();
        self.inner.value(t, x, given)
    }

    fn parameters(&self) -> &Parameters {
        self.inner.parameters()
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        self.inner.parameters_mut()
    }

    fn duplicate(&self) -> Result<Box<dyn Network>> {
        self.inner.duplicate()
    }
}

fn points(n: i64) -> (Tensor, Tensor) {
    let mut draw = Stream::new(2, Purpose::Test).at(0);
    (draw.uniform(&[n], Kind::Float), draw.normal(&[n, 3], Kind::Float))
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

fn close(found: &Tensor, exact: &Tensor, share: f64) -> bool {
    largest(&(found.to_kind(Kind::Double) - exact)) < share * largest(exact)
}

#[test]
fn with_a_network_that_says_nothing_the_velocity_is_the_gaussian_one() {
    for interpolant in INTERPOLANTS {
        let (t, x) = points(50);
        let (_, u) = points(50);
        let double = |x: &Tensor| x.to_kind(Kind::Double);
        let path = exact_path(interpolant());
        let exact = path.velocity();
        let network = preconditioned(Mlp::zero(3), interpolant());
        let field = At::new(&network, &Given::Nothing);
        let (value, divergence) = field.value_and_divergence(&t, &x);
        let (exact_value, exact_divergence) = exact.value_and_divergence(&double(&t), &double(&x));
        assert!(close(&value, &exact_value, 1e-4), "{:?}", interpolant());
        assert!(close(&divergence, &exact_divergence, 1e-4), "{:?}", interpolant());
        let (_, form) = field.value_and_quadratic_form(&t, &x, &u);
        let (_, exact_form) = exact.value_and_quadratic_form(&double(&t), &double(&x), &double(&u));
        assert!(close(&form, &exact_form, 1e-4), "{:?}", interpolant());
    }
}

#[test]
fn the_network_sees_unit_variance_along_every_axis_at_every_time() {
    const N: i64 = 20_000;
    let (mean, covariance) = moments();
    let target = Gaussian::new(&mean, &covariance).unwrap();
    for interpolant in INTERPOLANTS {
        for time in [0.0, 0.3, 0.9, 1.0] {
            let asked = Arc::new(Mutex::new(Tensor::new()));
            let recording = Recording { inner: Mlp::new(3, 8, 1), asked: asked.clone() };
            let field = preconditioned(recording, interpolant());
            let mut draw = Stream::new(3, Purpose::Test).at(0);
            let x1 = target.sample(N, &mut draw, Kind::Double);
            let [x0, z] = [(); 2].map(|()| draw.normal(&[N, 3], Kind::Double));
            let t = Tensor::full([N], time, (Kind::Double, tch::Device::Cpu));
            let z = interpolant().has_latent().then_some(&z);
            let x = interpolant().path(&t, &x0, &x1, z).unwrap().x;
            let _ = field.value(&t.to_kind(Kind::Float), &x.to_kind(Kind::Float), &Given::Nothing);
            let input = asked.lock().unwrap().to_kind(Kind::Double);
            assert!(
                largest(&input.mean_dim(0i64, false, Kind::Double)) < 0.04,
                "{:?} at {time}",
                interpolant()
            );
            let found = input.tr().matmul(&input) / N as f64;
            let off = largest(&(found - Tensor::eye(3, (Kind::Double, tch::Device::Cpu))));
            assert!(off < 0.05, "{off} for {:?} at {time}", interpolant());
        }
    }
}

#[test]
fn the_network_is_silent_at_the_ends() {
    for interpolant in &INTERPOLANTS[..2] {
        let (_, x) = points(50);
        let value = |network, time: f64| {
            let t = Tensor::full([50], time, (Kind::Float, tch::Device::Cpu));
            preconditioned(network, interpolant()).value(&t, &x, &Given::Nothing)
        };
        let said = |time| largest(&(value(Mlp::new(3, 8, 1), time) - value(Mlp::zero(3), time)));
        assert!(said(0.0) < 1e-6 && said(1.0) < 1e-6, "{} {}", said(0.0), said(1.0));
        assert!(said(0.5) > 1e-2, "{}", said(0.5));
    }
}

/// Central differences know nothing of backward passes or of where casting is switched off.
#[test]
fn derivatives_are_those_of_the_value() {
    let network = preconditioned(Mlp::new(3, 8, 1), Interpolant::linear());
    let field = At::new(&network, &Given::Nothing);
    let ((t, x), (_, u)) = (points(7), points(7));
    let t = t * 0.8 + 0.1;
    let along = |u: &Tensor| {
        let step = u * 1e-2;
        (field.value(&t, &(&x + &step)) - field.value(&t, &(&x - &step))) / 2e-2
    };
    let (value, form) = field.value_and_quadratic_form(&t, &x, &u);
    let (again, divergence) = field.value_and_divergence(&t, &x);
    assert!(value.equal(&again));
    let sum = |x: Tensor| x.sum_dim_intlist(1i64, false, None::<Kind>);
    let trace = (0..3).fold(t.zeros_like(), |trace, axis| {
        let unit = x.zeros_like();
        let _ = unit.select(1, axis).fill_(1.0);
        trace + along(&unit).select(1, axis)
    });
    assert!(close(&form, &sum(along(&u) * &u).to_kind(Kind::Double), 2e-3));
    assert!(close(&divergence, &trace.to_kind(Kind::Double), 2e-3));
}

#[test]
fn training_moves_the_network_alone_and_a_checkpoint_keeps_all() {
    let (mean, covariance) = moments();
    let target = || Box::new(Fresh(Arc::new(Gaussian::new(&mean, &covariance).unwrap())));
    let problem =
        Problem { target: target(), held_out_target: target(), ..normals(Interpolant::linear(), 3) };
    let network = preconditioned(Mlp::new(3, 8, 1), Interpolant::linear());
    let before = network.parameters().detached_copy();
    let mut trainer = velocity(short(5), problem, network, 1);
    trainer.run(&mut Silent).unwrap();
    for ((name, before), (_, after)) in before.iter().zip(trainer.network().parameters().iter()) {
        assert_eq!(before.equal(&after.detach()), name.starts_with("gaussian."), "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.safetensors");
    let checkpoint = saved(&file, &trainer.state());
    let axes = PrincipalAxes::standard(3);
    let mut restored =
        GaussianResidual::new(Box::new(Mlp::new(3, 8, 1)), Interpolant::linear(), &axes).unwrap();
    restored.parameters_mut().assign(checkpoint.network_weights()).unwrap();
    let own = trainer.ema_network().parameters().detached_copy();
    assert!(restored.parameters().iter().zip(&own).all(|((_, a), (_, b))| a.equal(b)));
}

#[test]
fn conditions_reach_the_network() {
    let space = Space { dim: 3, given: GivenSpace::Numbers { n: 2 } };
    let network = preconditioned(Mlp::new(space, 8, 1), Interpolant::linear());
    assert_eq!(network.space(), space);
    let (t, x) = points(7);
    let numbers = Stream::new(2, Purpose::Test).at(1).normal(&[7, 2], Kind::Float);
    let value = |numbers: Tensor| network.value(&t, &x, &Given::Numbers(numbers));
    assert!(largest(&(value(numbers.copy()) - value(numbers * 2.0))) > 1e-3);
}

#[test]
fn another_dimension_is_refused() {
    let axes = PrincipalAxes::standard(2);
    let network = GaussianResidual::new(Box::new(Mlp::zero(3)), Interpolant::linear(), &axes);
    assert!(network.is_err());
    let (mean, _) = moments();
    assert!(PrincipalAxes::of(&mean, &Tensor::ones([3, 2], (Kind::Double, tch::Device::Cpu))).is_err());
}

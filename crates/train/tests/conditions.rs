//! What points are given travels beside them, from the source to the network, and is learned from.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod support;

use interflow_core::interpolant::{Gamma, Interpolant, Trigonometric};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source;
use interflow_core::tch::{Device, Kind, Tensor};
use interflow_core::{At, Given, GivenSpace, Network, Points, Space, VectorField};
use interflow_models::{MlpConfig, ModelConfig, UNetConfig};
use interflow_solvers::{Method, SolverConfig};
use interflow_train::{Error, OptimizerConfig, Problem, Silent, TrainConfig, Trainer, VelocityMatching};
use support::{Mlp, normals, short, velocity};

/// Points `2 c + 0.1 z` in every coordinate, given the number or class c in 0, 1, 2.
struct Shifted(Space);

impl Source for Shifted {
    fn space(&self) -> Space {
        self.0
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Points {
        let mut draw = stream.at(step);
        let class = draw.integers(n, 3);
        let number = class.to_kind(Kind::Float).unsqueeze(1);
        let x = &number * 2.0 + draw.normal(&[n, self.0.dim], Kind::Float) * 0.1;
        let given = match self.0.given {
            GivenSpace::Numbers { .. } => Given::Numbers(number),
            GivenSpace::Class { .. } => Given::Class(class),
            _ => Given::Nothing,
        };
        Points { x, given }
    }
}

fn problem(interpolant: Interpolant, space: Space) -> Problem {
    Problem {
        target: Box::new(Shifted(space)),
        held_out_target: Box::new(Shifted(space)),
        ..normals(interpolant, space.dim)
    }
}

fn given(space: Space, c: i64, n: i64) -> Given {
    match space.given {
        GivenSpace::Class { .. } => Given::class(c, n),
        _ => Given::Numbers(Tensor::full([n, 1], c as f64, (Kind::Float, Device::Cpu))),
    }
}

/// After training, the flow of each condition ends at the points of that condition.
fn check(interpolant: Interpolant, space: Space, config: TrainConfig, model: &ModelConfig) {
    let draw = &mut Stream::new(1, Purpose::Init).at(0);
    let network = model.init(space, draw, (Kind::Float, Device::Cpu)).unwrap();
    let problem = problem(interpolant, space);
    let mut trainer =
        Trainer::new(config, problem, network, Box::new(VelocityMatching::default()), 1).unwrap();
    trainer.run(&mut Silent).unwrap();
    let solver = SolverConfig { method: Method::Rk4, steps: Some(20), ..SolverConfig::default() };
    let solver = solver.build().unwrap();
    let x0 = Stream::new(2, Purpose::Sampling).at(0).normal(&[200, space.dim], Kind::Float);
    for c in 0..3 {
        let field = trainer.ema_network().at(&given(space, c, 200));
        let samples = solver.solve(&field, &x0, 0.0, 1.0).unwrap().x;
        let off = (samples - 2.0 * c as f64).square().mean(Kind::Double).sqrt().double_value(&[]);
        assert!(off < 0.6, "{c}: off by {off} with {model:?}");
    }
}

#[test]
fn every_network_learns_from_conditions() {
    let config = TrainConfig {
        batch: 128,
        ema_decay: Some(0.95),
        validate_every: 200,
        optimizer: OptimizerConfig { learning_rate: 5e-3, ..OptimizerConfig::default() },
        ..short(400)
    };
    let mlp = ModelConfig::Mlp(MlpConfig::new(vec![32, 32]));
    let residual = "{\"kind\": \"residual-mlp\", \"width\": 32, \"n_blocks\": 2}";
    let residual: ModelConfig = serde_json::from_str(residual).unwrap();
    let numbers = Space { dim: 2, given: GivenSpace::Numbers { n: 1 } };
    let class = Space { dim: 2, given: GivenSpace::Class { n_classes: 3 } };
    check(Interpolant::trigonometric(), numbers, config.clone(), &mlp);
    check(Interpolant::trigonometric(), class, config.clone(), &residual);
    // Pairs ±z, parts and jitter keep points and conditions together.
    let latent = Interpolant::new(Trigonometric, Some(Gamma::Brownian { strength: 0.3 }));
    let config = TrainConfig { accumulate: 4.into(), jitter: 0.05, ..config };
    check(latent, numbers, config, &residual);
}

#[test]
fn a_network_on_images_learns_from_classes() {
    let images = UNetConfig {
        head_channels: 4,
        n_groups: 2,
        n_blocks: 1,
        ..UNetConfig::new([1, 4, 2], 4, vec![1, 2])
    };
    let config = TrainConfig {
        ema_decay: Some(0.9),
        validate_every: 0,
        optimizer: OptimizerConfig { learning_rate: 1e-2, ..OptimizerConfig::default() },
        ..short(150)
    };
    let class = Space { dim: 8, given: GivenSpace::Class { n_classes: 3 } };
    check(Interpolant::linear(), class, config, &ModelConfig::UNet(images));
}

#[test]
fn the_objective_knows_the_conditions() {
    // With the conditions bound the exact objective is lower: the target's spread is that of one condition.
    let numbers = Space { dim: 1, given: GivenSpace::Numbers { n: 1 } };
    let config = TrainConfig { ema_decay: Some(0.95), batch: 256, ..short(600) };
    let optimizer = OptimizerConfig { learning_rate: 5e-3, ..OptimizerConfig::default() };
    let mut trainer = velocity(
        TrainConfig { optimizer, ..config },
        problem(Interpolant::linear(), numbers),
        Mlp::new(numbers, 32, 2),
        1,
    );
    trainer.run(&mut Silent).unwrap();
    let check = trainer.self_check(20_000).unwrap();
    // Given c the linear path from N(0, 1) to N(2c, s²): v = 2c + ((t s² − (1 − t))/σ²)(x − 2ct), σ² = (1 − t)² + t² s², so
    // that G = −E[4c²] − ∫(t s² − (1 − t))²/σ² dt, with E[4c²] = 20/3.
    let s = 0.01;
    let n = 20_000;
    let rate = |t: f64| (t * s - (1.0 - t)).powi(2) / ((1.0 - t).powi(2) + t * t * s);
    let integral: f64 = (0..n).map(|i| rate((f64::from(i) + 0.5) / f64::from(n))).sum::<f64>() / f64::from(n);
    let excess = check.objective().mean + 20.0 / 3.0 + integral;
    assert!(excess.abs() < 4.0 * check.objective().standard_error + 0.1, "excess {excess}, {check:?}");
}

#[test]
fn points_of_another_space_are_refused() {
    let refused = |problem: Problem, network: Mlp| {
        let objective = Box::new(VelocityMatching::default());
        let error = Trainer::new(short(1), problem, Box::new(network), objective, 1).unwrap_err();
        assert!(matches!(error, Error::Space { .. }), "{error}");
        error.to_string()
    };
    let numbers = Space { dim: 2, given: GivenSpace::Numbers { n: 1 } };
    let class = Space { dim: 2, given: GivenSpace::Class { n_classes: 3 } };
    let linear = Interpolant::linear;
    let message = refused(problem(linear(), numbers), Mlp::new(2, 4, 1));
    assert!(
        message.contains("the target") && message.contains("found: dimension 2 given 1 numbers"),
        "{message}"
    );
    refused(problem(linear(), class), Mlp::new(numbers, 4, 1));
    refused(normals(linear(), 2), Mlp::new(numbers, 4, 1));
    refused(normals(linear(), 3), Mlp::new(2, 4, 1));
    let conditioned_base = Problem { base: Box::new(Shifted(numbers)), ..problem(linear(), numbers) };
    let message = refused(conditioned_base, Mlp::new(numbers, 4, 1));
    assert!(message.contains("the base"), "{message}");
}

#[test]
fn a_bound_network_is_the_network_with_its_conditions() {
    let numbers = Space { dim: 2, given: GivenSpace::Numbers { n: 1 } };
    let network = Mlp::new(numbers, 8, 1);
    let mut draw = Stream::new(2, Purpose::Test).at(0);
    let (t, x) = (draw.uniform(&[6], Kind::Float), draw.normal(&[6, 2], Kind::Float));
    let given = Given::Numbers(draw.normal(&[6, 1], Kind::Float));
    assert!(At::new(&network, &given).value(&t, &x).equal(&network.value(&t, &x, &given)));
}

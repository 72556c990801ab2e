//! The data of held-out checks: which rows they use, how they are paired, and those of a companion.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod support;

use std::sync::{Arc, Mutex};

use interflow_core::coupling::Coupling;
use interflow_core::density::StandardNormal;
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Draw, Stream};
use interflow_core::source::Source;
use interflow_core::tch::{Device, Kind, Tensor};
use interflow_core::{Given, Points, Space};
use interflow_solvers::{Method, Sensitivity, SolverConfig};
use interflow_train::{
    Gradient, HeldOut, MaximumLikelihood, Objective, Problem, Result, Setting, Silent, TermCheck, TimeConfig,
    TrainConfig, TrainingStep, VelocityMatching,
};
use support::{Mlp, Watching, normals, short, train_with};

/// Rows one after the other, as those of a table: row i of batch k of n has the coordinate k n + i.
struct InOrder;

impl Source for InOrder {
    fn space(&self) -> Space {
        1.into()
    }

    fn batch(&self, n: i64, step: u64, _: &Stream) -> Points {
        let x = Tensor::arange(n, (Kind::Float, Device::Cpu)) + (step as i64 * n) as f64;
        Points { x: x.unsqueeze(1), given: Given::Nothing }
    }
}

/// Pairs as they come, and notes of how many.
struct Together(Arc<Mutex<Vec<i64>>>);

impl Coupling for Together {
    fn pair(&self, x0: Tensor, x1: Points, _: &mut Draw) -> interflow_core::Result<(Tensor, Points)> {
        self.0.lock().unwrap().push(x1.len());
        Ok((x0, x1))
    }

    fn is_row_by_row(&self) -> bool {
        false
    }
}

/// The velocity's objective, which keeps what it is checked on.
#[derive(Default)]
struct Keeping(Arc<Mutex<Vec<f64>>>);

impl Objective for Keeping {
    fn check(&self, setting: &Setting<'_>) -> Result<()> {
        VelocityMatching::default().check(setting)
    }

    fn gradient(&self, step: &TrainingStep<'_>) -> Result<Gradient> {
        VelocityMatching::default().gradient(step)
    }

    fn held_out(&self, held_out: &HeldOut<'_>) -> Result<Vec<TermCheck>> {
        for batch in held_out.batches() {
            let rows = Vec::<f64>::try_from(batch?.x1.view(-1).to_kind(Kind::Double)).unwrap();
            self.0.lock().unwrap().extend(rows);
        }
        VelocityMatching::default().held_out(held_out)
    }
}

fn rows_of_check(problem: Problem, config: TrainConfig, n: i64) -> Vec<f64> {
    let objective = Keeping::default();
    let rows = objective.0.clone();
    train_with(objective, config, problem, Mlp::new(1, 4, 1), 1).unwrap().self_check(n).unwrap();
    rows.lock().unwrap().clone()
}

fn in_order() -> Problem {
    Problem { held_out_target: Box::new(InOrder), ..normals(Interpolant::linear(), 1) }
}

#[test]
fn each_held_out_row_is_used_once() {
    let expected: Vec<f64> = (0..1500).map(f64::from).collect();
    assert_eq!(rows_of_check(in_order(), short(1), 1500), expected);
}

#[test]
fn points_that_are_paired_together_are_as_many_as_in_training() {
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let problem = Problem { coupling: Box::new(Together(sizes.clone())), ..in_order() };
    let expected: Vec<f64> = (0..100).map(f64::from).collect();
    assert_eq!(rows_of_check(problem, TrainConfig { batch: 32, ..short(1) }, 100), expected);
    // The last of them uses a part of its pairs, and the objective asks twice.
    assert_eq!(*sizes.lock().unwrap(), [32; 8]);
}

#[test]
fn maximum_likelihood_is_checked_whatever_the_size_of_a_batch() {
    let coupling = Box::new(Together(Arc::new(Mutex::new(Vec::new()))));
    let problem = Problem { coupling, base_density: Some(Arc::new(StandardNormal { dim: 1 })), ..in_order() };
    let solver = SolverConfig { method: Method::Rk4, steps: Some(2), ..SolverConfig::default() };
    let objective = MaximumLikelihood::new(Sensitivity::Direct, &solver).unwrap();
    let config = TrainConfig { batch: 2048, ..short(1) };
    let trainer = train_with(objective, config, problem, Mlp::new(1, 4, 1), 1).unwrap();
    assert_eq!(trainer.self_check(3000).unwrap().n, 3000);
}

/// What a path costs is a mean over uniform times.
#[test]
fn a_companions_times_are_uniform_whatever_those_of_the_velocity_are() {
    let means = Arc::new(Mutex::new(Vec::new()));
    let config = TrainConfig { time: TimeConfig::Beta { a: 1.0, b: 0.2 }, ..short(3) };
    let network = Mlp::new(1, 4, 1);
    let trainer =
        train_with(VelocityMatching::default(), config, normals(Interpolant::linear(), 1), network, 1);
    let mut trainer = trainer.unwrap().with_companion(Box::new(Watching(means.clone()))).unwrap();
    trainer.run(&mut Silent).unwrap();
    let means = means.lock().unwrap();
    assert!(means.len() == 3 && means.iter().all(|mean| (mean - 0.5).abs() < 1e-3), "{means:?}");
}

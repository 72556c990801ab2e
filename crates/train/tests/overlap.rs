//! A host that works ahead of the device computes the same bits, and misses no step that went wrong.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod support;

use interflow_core::coupling::Mirror;
use interflow_core::density::{Sampler as _, StandardNormal};
use interflow_core::interpolant::{Gamma, Interpolant, Linear};
use interflow_core::rng::Stream;
use interflow_core::source::Source;
use interflow_core::tch::{Device, Kind, Tensor};
use interflow_core::{Given, GivenSpace, Points, Space};
use interflow_train::{
    Error, Failure, Observer, Problem, RunState, Silent, StepReport, TrainConfig, Trainer,
};
use support::{Mlp, normals, saved, short, velocity};

/// What points of dimension 2 that are given a number are like at a step.
#[derive(Clone, Copy, PartialEq)]
enum Points2 {
    Normal,
    /// Not a number at this step.
    NanAt(u64),
    /// None at this step: a panic.
    NoneAt(u64),
}

impl Source for Points2 {
    fn space(&self) -> Space {
        Space { dim: 2, given: GivenSpace::Numbers { n: 1 } }
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Points {
        assert!(*self != Self::NoneAt(step), "no such step");
        let mut draw = stream.at(step);
        let x = StandardNormal { dim: 2 }.sample(n, &mut draw, Kind::Float);
        let x = if *self == Self::NanAt(step) { x * f64::NAN } else { x };
        Points { x, given: Given::Numbers(draw.uniform(&[n, 1], Kind::Double)) }
    }
}

fn trainer(config: TrainConfig, points: Points2) -> Trainer {
    let interpolant = Interpolant::new(Linear, Some(Gamma::Brownian { strength: 1.0 }));
    let problem = Problem {
        coupling: Box::new(Mirror),
        target: Box::new(points),
        held_out_target: Box::new(Points2::Normal),
        ..normals(interpolant, 2)
    };
    let space = Points2::Normal.space();
    velocity(config, problem, Mlp::new(space, 16, 2), 5)
}

/// A norm of gradients that some are above and others are not.
const LIMIT: f64 = 0.2;

fn config(steps: u64) -> TrainConfig {
    TrainConfig {
        clip_norm: Some(LIMIT),
        jitter: 0.05,
        accumulate: 2.into(),
        validate_every: 25,
        checkpoint_every: 20,
        ..short(steps)
    }
}

/// What is reported, and the steps of checkpoints.
#[derive(Default)]
struct Record {
    reports: Vec<StepReport>,
    checkpoints: Vec<u64>,
    n_ends: u32,
}

impl Observer for Record {
    fn on_step(&mut self, report: &StepReport) {
        self.reports.push(*report);
    }

    fn on_checkpoint(&mut self, state: &RunState<'_>) -> Result<(), Failure> {
        self.checkpoints.push(state.step);
        Ok(())
    }

    fn on_end(&mut self) -> Result<(), Failure> {
        self.n_ends += 1;
        Ok(())
    }
}

fn weights(trainer: &Trainer) -> Vec<(String, Tensor)> {
    trainer.network().parameters().detached_copy()
}

fn assert_same(a: &Trainer, b: &Trainer) {
    for ((name, a), (_, b)) in weights(a).iter().zip(&weights(b)) {
        assert!(a.equal(b), "{name} differs");
    }
}

#[test]
fn what_is_made_ahead_is_what_is_made_in_time() {
    let (mut plain, mut ahead) = (Record::default(), Record::default());
    let mut expected = trainer(config(100), Points2::Normal);
    expected.run(&mut plain).unwrap();
    let mut found = trainer(config(100), Points2::Normal).overlapped().unwrap();
    found.run(&mut ahead).unwrap();
    assert_same(&expected, &found);
    let norms = |record: &Record| -> Vec<[u64; 2]> {
        record.reports.iter().map(|report| [report.loss, report.grad_norm].map(f64::to_bits)).collect()
    };
    assert_eq!(norms(&plain), norms(&ahead));
    let clipped = plain.reports.iter().filter(|report| report.grad_norm > LIMIT).count();
    assert!(clipped > 0 && clipped < 10, "{clipped} of 10 reported gradients are clipped");
    assert_eq!((&plain.checkpoints, plain.n_ends), (&ahead.checkpoints, ahead.n_ends));
}

#[test]
fn a_resumed_run_is_the_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let run = |trainer: Trainer| {
        let mut trainer = trainer.overlapped().unwrap();
        trainer.run(&mut Silent).unwrap();
        trainer
    };
    let whole = run(trainer(config(60), Points2::Normal));
    let half = run(trainer(config(37), Points2::Normal));
    // Batches of another seed, and of steps that never come, have been made ahead when the state is restored.
    let mut resumed = trainer(config(60), Points2::Normal).overlapped().unwrap();
    resumed.training_step().batch().unwrap();
    resumed.restore(&saved(&folder.path().join("half"), &half.state())).unwrap();
    resumed.run(&mut Silent).unwrap();
    assert_same(&whole, &resumed);
}

#[test]
fn the_first_step_that_went_wrong_is_named_and_nothing_after_it_is_saved() {
    for reports in [7, 0] {
        let config = TrainConfig { log_every: reports, validate_every: 0, ..config(100) };
        let refused = |trainer: Trainer| {
            let (mut trainer, mut record) = (trainer, Record::default());
            let error = trainer.run(&mut record).unwrap_err();
            // Batch 30 is that of step 31.
            assert!(matches!(error, Error::NotFinite { step: 31, .. }), "{error}");
            assert_eq!((&record.checkpoints[..], record.n_ends), (&[20][..], 1));
            trainer.step()
        };
        assert_eq!(refused(trainer(config.clone(), Points2::NanAt(30))), 30);
        let noticed = refused(trainer(config, Points2::NanAt(30)).overlapped().unwrap());
        assert_eq!(noticed, if reports == 7 { 35 } else { 40 });
    }
}

#[test]
fn a_panic_beside_the_training_ends_it() {
    let mut trainer = trainer(config(100), Points2::NoneAt(30)).overlapped().unwrap();
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| trainer.run(&mut Silent)));
    assert!(ended.is_err());
    assert_eq!(trainer.step(), 30);
}

#[test]
fn nothing_is_left_of_a_trainer_that_is_dropped_between_two_steps() {
    let trainer = trainer(config(100), Points2::Normal).overlapped().unwrap();
    let batch = trainer.training_step().batch().unwrap();
    drop(trainer);
    assert_eq!((batch.x.size(), batch.t.device()), (vec![128, 2], Device::Cpu));
}

/// Prints what preparing ahead is worth on the CPU; run with `-- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn step_time_with_two_threads() {
    let run = |make: fn(Trainer) -> Trainer| {
        let config = TrainConfig { batch: 128, log_every: 0, validate_every: 0, ..short(40) };
        let problem = normals(Interpolant::trigonometric(), 3072);
        let outcome = make(velocity(config, problem, Mlp::new(3072, 768, 2), 1)).run(&mut Silent).unwrap();
        outcome.train_secs * 1e3 / outcome.steps as f64
    };
    interflow_core::tch::set_num_threads(2);
    for _ in 0..8 {
        let in_time = run(|trainer| trainer);
        let ahead = run(|trainer| trainer.overlapped().unwrap());
        println!("{in_time:.0} ms a step in time, {ahead:.0} ms ahead");
    }
}

//! Objectives: one from outside trains like ours, and illegal pairs are refused with a sentence.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod support;

use std::sync::Arc;

use interflow_core::density::StandardNormal;
use interflow_core::interpolant::{Gamma, Interpolant, Linear};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source;
use interflow_core::tch::{Kind, Tensor};
use interflow_core::{Given, GivenSpace, Network, Points, Space};
use interflow_models::VelocityAndDenoiser;
use interflow_solvers::{Sensitivity, SolverConfig};
use interflow_train::{
    Error, Gradient, HeldOut, MaximumLikelihood, MixedPrecision, Objective, OptimizerConfig, Problem,
    Regression, Result, ScheduleConfig, Setting, Silent, TermCheck, TrainConfig, TrainingStep,
    VelocityMatching, VelocityWithDenoiser,
};
use support::{Mlp, Watching, normals, saved, short, train_with};

/// Denoising score matching: `E|s + z/γ|²` weighted by γ², at noise levels of its own. It perturbs the target's points,
/// `x = x1 + level z`, so that the network learns `level · ∇log (ρ1 * N(0, level²))(x)` with the level as its time.
struct ScoreMatching;

impl ScoreMatching {
    const NAME: &'static str = "score-matching";

    /// Noisy points, levels and noise of a batch of ends.
    fn perturbed(x1: &Tensor, stream: &Stream, index: u64) -> (Tensor, Tensor, Tensor) {
        let mut draw = stream.at(index);
        let level = draw.uniform(&[x1.size()[0]], Kind::Float) * 0.8 + 0.2;
        let z = draw.normal(&x1.size(), Kind::Float);
        (level.shallow_clone(), x1 + level.unsqueeze(1) * &z, z)
    }
}

impl Objective for ScoreMatching {
    fn check(&self, setting: &Setting<'_>) -> Result<()> {
        if setting.network.space().given.is_nothing() {
            return Ok(());
        }
        setting.refuse(Self::NAME, "points that are given conditions", "leave them out")
    }

    fn gradient(&self, step: &TrainingStep<'_>) -> Result<Gradient> {
        let stream = step.named_stream("score-matching/noise");
        let mut index = step.step * step.config.accumulate.parts() as u64;
        step.gradient_of(|part, draw| {
            let (level, x, z) = Self::perturbed(&part.x1, &stream, index);
            index += 1;
            let value =
                step.in_precision(|| step.network.value_in_training(&level, &x, &Given::Nothing, draw))?;
            let rows = x.size()[0] as f64;
            Ok((value.to_kind(step.placement().0) + z).square().sum(None) / rows)
        })
    }

    fn held_out(&self, held_out: &HeldOut<'_>) -> Result<Vec<TermCheck>> {
        let stream = held_out.named_stream("score-matching/noise");
        let mut term = Regression::new(Self::NAME);
        for (index, batch) in (0..).zip(held_out.batches()) {
            let batch = batch?;
            let (level, x, z) = Self::perturbed(&batch.x1, &stream, index);
            term.add(&held_out.network.value(&level, &x, &Given::Nothing), &z.neg(), &batch);
        }
        Ok(vec![term.check()])
    }
}

fn config(steps: u64) -> TrainConfig {
    TrainConfig {
        batch: 256,
        ema_decay: Some(0.99),
        optimizer: OptimizerConfig { learning_rate: 5e-3, ..OptimizerConfig::default() },
        schedule: ScheduleConfig::Cosine {},
        ..short(steps)
    }
}

#[test]
fn an_objective_from_outside_trains_and_checks_itself() {
    let problem = normals(Interpolant::linear(), 2);
    let mut trainer = train_with(ScoreMatching, config(800), problem, Mlp::new(2, 32, 2), 3).unwrap();
    trainer.run(&mut Silent).unwrap();
    // The score of N(0, (1 + level²) I) times the level.
    let x = Stream::new(2, Purpose::Test).at(0).normal(&[500, 2], Kind::Float) * 1.2;
    for level in [0.3, 0.6, 0.9] {
        let t = Tensor::full([500], level, (Kind::Float, x.device()));
        let found = trainer.ema_network().value(&t, &x, &Given::Nothing);
        let exact = &x * (-level / (1.0 + level * level));
        let error = (found - exact).square().mean(Kind::Double).sqrt().double_value(&[]);
        assert!(error < 0.1, "the score at {level} is off by {error}");
    }
    let check = trainer.self_check(20_000).unwrap();
    assert_eq!((check.terms.len(), check.terms[0].name, check.n), (1, ScoreMatching::NAME, 20_000));
    // E|f|² = 2 E[level²/(1 + level²)] over levels uniform in [0.2, 1].
    let least = -2.0 * (1.0 - (1f64.atan() - 0.2f64.atan()) / 0.8);
    assert!((check.objective().mean - least).abs() < 0.05, "{check:?}, least {least}");
    let gap = check.balance().unwrap().gap;
    assert!(gap.mean.abs() < 4.0 * gap.standard_error + 0.03, "{check:?}");
}

#[test]
fn an_objective_from_outside_resumes_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let trainer = |steps| {
        let precision = MixedPrecision::Bf16;
        let config = TrainConfig {
            accumulate: 4.into(),
            mixed_precision: precision,
            schedule: ScheduleConfig::Constant {},
            ..config(steps)
        };
        train_with(ScoreMatching, config, normals(Interpolant::linear(), 2), Mlp::new(2, 8, 2), 3).unwrap()
    };
    let [mut whole, mut half, mut resumed] = [trainer(20), trainer(11), trainer(20)];
    whole.run(&mut Silent).unwrap();
    half.run(&mut Silent).unwrap();
    resumed.restore(&saved(&folder.path().join("half"), &half.state())).unwrap();
    resumed.run(&mut Silent).unwrap();
    let weights = |network: &dyn Network| network.parameters().detached_copy();
    for ((name, a), (_, b)) in weights(whole.network()).iter().zip(&weights(resumed.network())) {
        assert!(a.equal(b), "{name} differs");
    }
}

/// A gradient that forgets a weight.
struct Forgetful;

impl Objective for Forgetful {
    fn check(&self, _: &Setting<'_>) -> Result<()> {
        Ok(())
    }

    fn gradient(&self, step: &TrainingStep<'_>) -> Result<Gradient> {
        let mut gradient = VelocityMatching::default().gradient(step)?;
        gradient.of_weights.pop();
        Ok(gradient)
    }

    fn held_out(&self, _: &HeldOut<'_>) -> Result<Vec<TermCheck>> {
        Err(Error::Failed { operation: "check what was never learned", source: "a test".into() })
    }
}

#[test]
fn what_an_objective_from_outside_does_wrong_is_an_error() {
    let problem = normals(Interpolant::linear(), 2);
    let mut trainer = train_with(Forgetful, short(3), problem, Mlp::new(2, 8, 1), 3).unwrap();
    assert!(matches!(trainer.run(&mut Silent), Err(Error::Gradient { expected: 4, found: 3 })));
    assert_eq!(trainer.self_check(10).unwrap_err().to_string(), "cannot check what was never learned");
}

/// A loss that is what a function makes of the batch and the network's value.
struct Own(fn(&Tensor, &Tensor) -> Tensor);

impl Objective for Own {
    fn check(&self, _: &Setting<'_>) -> Result<()> {
        Ok(())
    }

    fn gradient(&self, step: &TrainingStep<'_>) -> Result<Gradient> {
        step.gradient_of(|part, draw| Ok((self.0)(&part.x, &step.value_of(step.network, part, draw)?)))
    }

    fn held_out(&self, _: &HeldOut<'_>) -> Result<Vec<TermCheck>> {
        Ok(Vec::new())
    }
}

/// A loss that depends on no weight has no gradient; one that is no scalar would be summed in silence.
#[test]
fn losses_that_depend_on_nothing_move_nothing_and_others_must_be_scalars() {
    let run = |loss| {
        let problem = normals(Interpolant::linear(), 2);
        let mut trainer = train_with(Own(loss), short(3), problem, Mlp::new(2, 8, 1), 3).unwrap();
        let found = trainer.run(&mut Silent).map(drop);
        (found, trainer.network().parameters().detached_copy())
    };
    let before = Mlp::new(2, 8, 1).parameters().detached_copy();
    for loss in [|x: &Tensor, _: &Tensor| x.square().sum(None), |_: &Tensor, v: &Tensor| v.detach().sum(None)]
    {
        let (found, after) = run(loss);
        found.unwrap();
        assert_eq!(after, before);
    }
    let (found, _) = run(|_, v| v.square().sum_dim_intlist(1i64, false, None));
    let message = found.unwrap_err().to_string();
    assert!(message.starts_with("a loss: expected shape [], a scalar, found: ["), "{message}");
}

fn brownian() -> Interpolant {
    Interpolant::new(Linear, Some(Gamma::Brownian { strength: 1.0 }))
}

fn pair() -> VelocityAndDenoiser {
    VelocityAndDenoiser::new(Box::new(Mlp::new(2, 4, 1)), Box::new(Mlp::new(2, 4, 1)))
}

fn likelihood() -> MaximumLikelihood {
    MaximumLikelihood::new(Sensitivity::Adjoint, &SolverConfig::default()).unwrap()
}

/// A problem with all that maximum likelihood needs.
fn dense(interpolant: Interpolant) -> Problem {
    Problem { base_density: Some(Arc::new(StandardNormal { dim: 2 })), ..normals(interpolant, 2) }
}

/// The message by which an objective refuses, which names both sides.
fn refusal(trainer: Result<interflow_train::Trainer>, objective: &str, part: &str) {
    let error = trainer.unwrap_err();
    assert!(matches!(error, Error::Objective { .. }), "{error}");
    let message = error.to_string();
    assert!(message.starts_with(&format!("the objective {objective} does not go with")), "{message}");
    assert!(message.contains(part) && message.contains("\nhint: "), "{message}");
}

#[test]
fn a_denoiser_wants_a_latent_and_an_objective_that_trains_it() {
    let both = VelocityWithDenoiser::default;
    assert!(train_with(both(), short(1), normals(brownian(), 2), pair(), 1).is_ok());
    let without = train_with(both(), short(1), normals(Interpolant::linear(), 2), pair(), 1);
    refusal(without, "velocity-with-denoiser", "a path without a latent");
    let without = train_with(both(), short(1), normals(brownian(), 2), Mlp::new(2, 4, 1), 1);
    refusal(without, "velocity-with-denoiser", "a network without a denoiser");
    let untrained = train_with(VelocityMatching::default(), short(1), normals(brownian(), 2), pair(), 1);
    refusal(untrained, "velocity", "a network that holds a denoiser");
    let untrained = train_with(likelihood(), short(1), dense(brownian()), pair(), 1);
    refusal(untrained, "likelihood", "a network that holds a denoiser");
}

/// Normal points given a number each.
struct Numbered(Space);

impl Source for Numbered {
    fn space(&self) -> Space {
        self.0
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Points {
        let mut draw = stream.at(step);
        let x = draw.normal(&[n, self.0.dim], Kind::Float);
        Points { x, given: Given::Numbers(draw.normal(&[n, 1], Kind::Float)) }
    }
}

#[test]
fn maximum_likelihood_refuses_what_it_does_not_do() {
    let network = || Mlp::new(2, 4, 1);
    let with = |config| train_with(likelihood(), config, dense(Interpolant::linear()), network(), 1);
    assert!(with(short(1)).is_ok());
    let parts = with(TrainConfig { batch: 64, accumulate: 2.into(), ..short(1) });
    refusal(parts, "likelihood", "batches in parts, accumulate: 2");
    refusal(with(TrainConfig { jitter: 0.5, ..short(1) }), "likelihood", "jitter: 0.5");
    refusal(
        with(short(1)).unwrap().with_companion(Box::new(Watching::default())),
        "likelihood",
        "a path that is learned",
    );
    let space = Space { dim: 2, given: GivenSpace::Numbers { n: 1 } };
    let given = Problem {
        target: Box::new(Numbered(space)),
        held_out_target: Box::new(Numbered(space)),
        ..dense(Interpolant::linear())
    };
    let given = train_with(likelihood(), short(1), given, Mlp::new(space, 4, 1), 1);
    refusal(given, "likelihood", "points that are given conditions");
    let velocity =
        train_with(VelocityMatching::default(), short(1), normals(Interpolant::linear(), 2), network(), 1)
            .unwrap();
    assert!(velocity.with_companion(Box::new(Watching::default())).is_ok());
}

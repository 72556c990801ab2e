//! The training loop.

use std::time::{Duration, Instant};

use interflow_core::Network;
use interflow_core::rng::{Draw, Purpose, Stream};
use tch::{Device, Kind, Tensor};

use crate::batch::{Batch, Batches};
use crate::config::due;
use crate::likelihood::Likelihood;
use crate::patience::Patience;
use crate::self_check::self_check;
use crate::{
    Checkpoint, Companion, Ema, Error, MixedPrecision, Moment, Observer, Optimizer, Problem, Result,
    SelfCheck, StepReport, TimeSampler, TrainConfig,
};

/// After how long without a report a step is reported out of turn.
const SLOW: Duration = Duration::from_secs(10);

/// Why a run stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// All steps were taken.
    Finished,
    /// An observer asked to stop.
    Interrupted,
    /// The held-out objective did not improve for as long as the patience lasted.
    EarlyStop,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// The steps taken in all, resumed ones included.
    pub steps: u64,
    /// Why it stopped.
    pub stop: StopReason,
    /// The time this call took.
    pub train_secs: f64,
}

/// The loss and gradient norm of one step.
struct Step {
    loss: Tensor,
    grad_norm: f64,
    learning_rate: f64,
}

/// A network in training.
pub struct Trainer {
    config: TrainConfig,
    problem: Problem,
    network: Box<dyn Network>,
    ema: Option<Ema>,
    optimizer: Optimizer,
    times: TimeSampler,
    likelihood: Option<Likelihood>,
    placement: (Kind, Device),
    seed: u64,
    step: u64,
    patience: Patience,
    companion: Option<Box<dyn Companion>>,
}

impl Trainer {
    /// A run at step 0.
    ///
    /// # Errors
    /// If the config has a number out of range, a source has another dimension than the network, the network holds
    /// a denoiser that nothing would train, or it cannot be duplicated for its average.
    pub fn new(config: TrainConfig, problem: Problem, network: Box<dyn Network>, seed: u64) -> Result<Self> {
        config.check()?;
        problem.check(network.dim())?;
        if network.denoiser().is_some() && (!problem.interpolant.has_latent() || config.likelihood.is_some())
        {
            return Err(Error::NoLatent);
        }
        let times = config.time.build(&problem.interpolant)?;
        let likelihood =
            config.likelihood.as_ref().map(|config| Likelihood::new(config, &problem)).transpose()?;
        let ema = config.ema_decay.map(|decay| Ema::new(&*network, decay)).transpose()?;
        let parameters = network.parameters();
        let optimizer = Optimizer::new(config.optimizer, &*network);
        let placement = (parameters.kind(), parameters.device());
        let patience = Patience::default();
        Ok(Self {
            config,
            problem,
            network,
            ema,
            optimizer,
            times,
            likelihood,
            placement,
            seed,
            step: 0,
            patience,
            companion: None,
        })
    }

    /// The same run with something trained beside the velocity.
    #[must_use]
    pub fn with_companion(self, companion: Box<dyn Companion>) -> Self {
        Self { companion: Some(companion), ..self }
    }

    /// Trains from the present step to the last one, or until it is told to stop.
    ///
    /// # Errors
    /// [`Error::NotFinite`] naming the step, [`Error::Observer`], or a refusal of libtorch.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<Outcome> {
        let start = Instant::now();
        let (mut reported_at, mut reported_step) = (start, self.step);
        let stop = loop {
            if let Some(stop) = self.stop_reason(observer) {
                break stop;
            }
            let step = self.advance()?;
            self.accompany()?;
            let (in_turn, slow) = (due(self.config.log_every, self.step), reported_at.elapsed() > SLOW);
            if in_turn || slow {
                let step_secs = reported_at.elapsed().as_secs_f64() / (self.step - reported_step) as f64;
                let report = self.report(&step, step_secs);
                if in_turn {
                    observer.on_step(&report);
                } else {
                    observer.on_slow_step(&report);
                }
                (reported_at, reported_step) = (Instant::now(), self.step);
            }
            if due(self.config.validate_every, self.step) {
                self.validate(observer)?;
            }
            if due(self.config.checkpoint_every, self.step) {
                self.checkpoint(observer)?;
            }
        };
        if !due(self.config.checkpoint_every, self.step) {
            self.checkpoint(observer)?;
        }
        Ok(Outcome { steps: self.step, stop, train_secs: start.elapsed().as_secs_f64() })
    }

    /// The network in training.
    pub fn network(&self) -> &dyn Network {
        &*self.network
    }

    /// The network with averaged weights, or the one in training if there is no average.
    pub fn ema_network(&self) -> &dyn Network {
        self.ema.as_ref().map_or(&*self.network, Ema::network)
    }

    /// The average, if there is one.
    pub fn ema(&self) -> Option<&Ema> {
        self.ema.as_ref()
    }

    /// The optimiser.
    pub fn optimizer(&self) -> &Optimizer {
        &self.optimizer
    }

    /// The config.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// The problem.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// How many steps were taken.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The run's seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The state of what is trained beside the velocity, by name.
    pub(crate) fn companion_state(&self) -> Vec<(String, Tensor)> {
        self.companion.as_ref().map_or_else(Vec::new, |companion| companion.state())
    }

    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    /// Checks the averaged weights on `n` held-out pairs, the same ones at every call.
    ///
    /// # Errors
    /// If the interpolant refuses the held-out data.
    pub fn self_check(&self, n: i64) -> Result<SelfCheck> {
        let network = self.ema_network();
        let check = match &self.likelihood {
            None => self_check(network, &self.problem, self.seed, n)?,
            Some(likelihood) => {
                let objective = likelihood.held_out(network, &self.problem, self.seed, n)?;
                SelfCheck { step: 0, objective, balance: None, denoiser: None, n }
            }
        };
        Ok(SelfCheck { step: self.step, ..check })
    }

    /// Takes over the state of a checkpoint, its seed included.
    ///
    /// # Errors
    /// [`Error::Mismatch`] or a mismatch of parameters if it belongs to another network or config.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        self.optimizer.check_fits(&checkpoint.moments)?;
        match (&mut self.ema, &checkpoint.ema) {
            (Some(ema), Some(saved)) => ema.network_mut().parameters_mut().assign(saved)?,
            (None, None) => {}
            (own, _) => {
                let which = if own.is_some() { "has no average of the weights" } else { "has an average" };
                return Err(Error::Mismatch { problem: format!("it {which} but the config says otherwise") });
            }
        }
        match &mut self.companion {
            Some(companion) => companion.restore(&checkpoint.companion)?,
            None if checkpoint.companion.is_empty() => {}
            None => {
                let problem = "it was trained with a path of its own but the config has none".to_owned();
                return Err(Error::Mismatch { problem });
            }
        }
        self.network.parameters_mut().assign(&checkpoint.model)?;
        self.optimizer.restore(&checkpoint.moments)?;
        self.patience = Patience { best: checkpoint.best_objective, n_worse: checkpoint.n_worse };
        self.seed = checkpoint.seed;
        self.step = checkpoint.step;
        Ok(())
    }

    fn stop_reason(&self, observer: &dyn Observer) -> Option<StopReason> {
        if self.step >= self.config.steps {
            Some(StopReason::Finished)
        } else if self.patience.exhausted(self.config.patience) {
            Some(StopReason::EarlyStop)
        } else {
            observer.interrupted().then_some(StopReason::Interrupted)
        }
    }

    /// Lets the companion take its turn.
    fn accompany(&mut self) -> Result<()> {
        self.with_moment(|companion, moment| companion.after_step(moment)).map(drop)
    }

    /// What `body` makes of the companion, if there is one, and the run's present state.
    fn with_moment<T>(
        &mut self,
        body: impl FnOnce(&mut dyn Companion, &Moment<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let Some(companion) = &mut self.companion else { return Ok(None) };
        let moment = Moment {
            network: &*self.network,
            ema_network: self.ema.as_ref().map_or(&*self.network, Ema::network),
            problem: &self.problem,
            step: self.step,
            times: &self.times,
            seed: self.seed,
            placement: self.placement,
        };
        body(&mut **companion, &moment).map(Some)
    }

    /// Takes one step.
    fn advance(&mut self) -> Result<Step> {
        let (loss, grads) = self.gradient()?;
        let step = self.step + 1;
        let grad_norm = interflow_libtorch::total_norm(&grads)?;
        if !grad_norm.is_finite() {
            return Err(Error::NotFinite { step, loss: loss.double_value(&[]), grad_norm });
        }
        if let Some(limit) = self.config.clip_norm
            && grad_norm > limit
        {
            interflow_libtorch::foreach_mul_(&grads, limit / grad_norm)?;
        }
        let TrainConfig { steps, warmup_steps, .. } = self.config;
        let factor = self.config.schedule.factor(self.step, steps, warmup_steps);
        self.in_precision(|| self.optimizer.step(&grads, step, factor))??;
        if let Some(ema) = &mut self.ema {
            ema.update(self.optimizer.params(), step)?;
        }
        self.step = step;
        let learning_rate = self.config.optimizer.learning_rate * factor;
        Ok(Step { loss: loss.detach(), grad_norm, learning_rate })
    }

    /// The loss of the next batch and its gradient in the parameters.
    fn gradient(&self) -> Result<(Tensor, Vec<Tensor>)> {
        if let Some(likelihood) = &self.likelihood {
            let at = (self.seed, self.step);
            let found = likelihood.gradient(&*self.network, &self.problem, at, self.config.batch)?;
            return Ok((found.nll, found.gradient));
        }
        let batches = Batches::training(&self.problem, self.seed).jittered(self.config.jitter);
        // A path's own parameters are not the velocity's to train.
        let batch = tch::no_grad(|| batches.get(self.config.batch, self.step, &self.times, self.placement))?;
        let draw = &mut Stream::new(self.seed, Purpose::Dropout).at(self.step);
        let (mut loss, mut grads) = (Tensor::zeros([], self.placement), Vec::new());
        for (part, count) in batch.parts(self.config.accumulate).iter().zip(1..) {
            let (part_loss, part_grads) = self.gradient_of(part, draw)?;
            if count == 1 {
                (loss, grads) = (part_loss.detach(), part_grads);
                continue;
            }
            // The mean over the first `count` parts.
            let weight = 1.0 / f64::from(count);
            interflow_libtorch::foreach_lerp_(&grads, &part_grads, weight)?;
            loss = loss.lerp(&part_loss.detach(), weight);
        }
        Ok((loss, grads))
    }

    /// The loss of a batch and its gradient in the parameters.
    fn gradient_of(&self, batch: &Batch, draw: &mut Draw) -> Result<(Tensor, Vec<Tensor>)> {
        let value = self.in_precision(|| self.network.value_in_training(&batch.t, &batch.x, draw))?;
        let loss = self.config.objective.loss(&value.to_kind(self.placement.0), &batch.path_derivative);
        let loss =
            self.denoiser_loss(batch, draw)?.map_or(loss.shallow_clone(), |of_denoiser| loss + of_denoiser);
        let grads = Tensor::f_run_backward(&[&loss], self.optimizer.params(), false, false)
            .map_err(|source| Error::Torch { operation: "backward pass", source })?;
        Ok((loss, grads))
    }

    /// The denoiser's objective `E[|η̂|² − 2 z·η̂]`, where the network holds one (\[ABV23\]).
    fn denoiser_loss(&self, batch: &Batch, draw: &mut Draw) -> Result<Option<Tensor>> {
        let (Some(denoiser), Some(z)) = (self.network.denoiser(), &batch.latent) else { return Ok(None) };
        let value = self.in_precision(|| denoiser.value_in_training(&batch.t, &batch.x, draw))?;
        Ok(Some(self.config.objective.loss(&value.to_kind(self.placement.0), z)))
    }

    /// Runs `body` with matrix products of the configured kind.
    fn in_precision<T>(&self, body: impl FnOnce() -> T) -> Result<T> {
        match self.config.mixed_precision {
            None => Ok(body()),
            Some(MixedPrecision::Bf16) => Ok(interflow_libtorch::autocast_bf16(self.placement.1, body)?),
        }
    }

    fn report(&self, step: &Step, step_secs: f64) -> StepReport {
        StepReport {
            step: self.step,
            steps: self.config.steps,
            loss: step.loss.double_value(&[]),
            grad_norm: step.grad_norm,
            learning_rate: step.learning_rate,
            step_secs,
            pairs_per_sec: self.config.batch as f64 / step_secs,
        }
    }

    fn validate(&mut self, observer: &mut dyn Observer) -> Result<()> {
        let check = self.self_check(self.config.n_validation)?;
        self.patience.observe(check.trained_objective());
        observer.on_validation(&check);
        let numbers = self.with_moment(|companion, moment| companion.after_check(moment, &check))?;
        if let Some(numbers) = numbers {
            observer.on_companion(self.step, &numbers);
        }
        Ok(())
    }

    fn checkpoint(&self, observer: &mut dyn Observer) -> Result<()> {
        observer.on_checkpoint(self).map_err(|source| Error::Observer { step: self.step, source })
    }
}

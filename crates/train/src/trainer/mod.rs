//! A network in training: its parts, its state, and how it is restored from a checkpoint.

mod advance;
mod parts;
mod quiet;
mod run;
mod together;
mod unread;

use std::sync::Arc;

use interflow_core::Network;
use interflow_libtorch::{Share, ThreadChoice};
use tch::Device;

use self::together::Together;
use self::unread::Unread;

use crate::accumulate::Accumulate;
use crate::checkpoint::Checkpoint;
use crate::companion::Companion;
use crate::config::TrainConfig;
use crate::ema::Ema;
use crate::error::{Error, Result};
use crate::objective::{HeldOut, Objective, Setting, TrainingStep};
use crate::optimizer::Optimizer;
use crate::patience::Patience;
use crate::prepared::Prepared;
use crate::problem::Problem;
use crate::run_state::RunState;
use crate::self_check::SelfCheck;
use crate::time::TimeSampler;

/// A network in training. It uses its objective only through the trait [`Objective`].
#[derive(Debug)]
pub struct Trainer {
    config: TrainConfig,
    problem: Arc<Problem>,
    network: Box<dyn Network>,
    objective: Box<dyn Objective>,
    ema: Option<Ema>,
    optimizer: Optimizer,
    times: TimeSampler,
    seed: u64,
    step: u64,
    patience: Patience,
    companion: Option<Box<dyn Companion>>,
    threads: Option<ThreadChoice>,
    /// The batches that are made ahead, where the host works ahead of the device.
    prepared: Option<Prepared>,
    unread: Unread,
    /// The parts of a step's batch, where they were chosen.
    parts: Option<i64>,
    /// The other processes, where several train together.
    together: Option<Together>,
}

impl Trainer {
    /// A run at step 0 on the problem, with all random numbers under `seed`.
    ///
    /// # Errors
    /// If the config has a number out of range, a source has other points than the network takes, the objective
    /// refuses the setting ([`Objective::check`]), or the network cannot be duplicated for its average.
    pub fn new(
        mut config: TrainConfig,
        problem: Problem,
        network: Box<dyn Network>,
        objective: Box<dyn Objective>,
        seed: u64,
    ) -> Result<Self> {
        config.check()?;
        problem.check(network.space())?;
        config.mixed_precision = config.mixed_precision.resolved(&*network);
        let (has_companion, processes) = (false, 1);
        objective.check(&Setting {
            config: &config,
            problem: &problem,
            network: &*network,
            has_companion,
            processes,
        })?;
        let times = config.time.build(&problem.interpolant)?;
        let ema = config.ema_decay.map(|decay| Ema::new(&*network, decay)).transpose()?;
        let optimizer = Optimizer::new(config.optimizer, &*network);
        let patience = Patience::default();
        let is_gpu = network.parameters().device() != Device::Cpu;
        let trainer = Self {
            config,
            problem: Arc::new(problem),
            network,
            objective,
            ema,
            optimizer,
            times,
            seed,
            step: 0,
            patience,
            companion: None,
            threads: None,
            prepared: None,
            unread: Unread::default(),
            parts: None,
            together: None,
        };
        if is_gpu { trainer.overlapped() } else { Ok(trainer) }
    }

    /// The same run with a host that works ahead of the device, as it always does on a GPU: other threads draw the
    /// end points of the next steps, and a step's loss and norm are read only when they are reported, or when the
    /// weights are checked or saved. Results are the same to the bit, but a gradient that is not finite reaches the
    /// weights before it becomes an error. On the CPU both compete for the same cores.
    ///
    /// # Errors
    /// If the system refuses the threads.
    pub fn overlapped(self) -> Result<Self> {
        let kind = self.network.parameters().kind();
        let of_a_step = (self.config.batch, self.config.jitter);
        let law = (self.times.clone(), self.share());
        let prepared = Prepared::new(self.problem.clone(), law, of_a_step, kind)?;
        Ok(Self { prepared: Some(prepared), ..self })
    }

    /// The rows of every batch that are this process's.
    fn share(&self) -> Share {
        self.together.as_ref().map_or(Share::WHOLE, Together::share)
    }

    /// The same run with something trained beside the network.
    ///
    /// # Errors
    /// If the objective cannot be trained beside a companion.
    pub fn with_companion(self, companion: Box<dyn Companion>) -> Result<Self> {
        self.check_setting(true)?;
        Ok(Self { companion: Some(companion), ..self })
    }

    /// The same run with the number of threads with which its steps are fastest, instead of libtorch's present
    /// number. A change of the number may change the last digits of results; [`crate::Observer::on_threads`] is told
    /// of each.
    #[must_use]
    pub fn with_threads(self, threads: ThreadChoice) -> Self {
        Self { threads: Some(threads), ..self }
    }

    /// The network in training.
    pub fn network(&self) -> &dyn Network {
        &*self.network
    }

    /// The network with averaged weights, or the one in training if there is no average.
    pub fn ema_network(&self) -> &dyn Network {
        self.ema.as_ref().map_or(&*self.network, Ema::network)
    }

    /// The optimiser.
    pub fn optimizer(&self) -> &Optimizer {
        &self.optimizer
    }

    /// The settings of the run, with automatic ones replaced by what was chosen for this machine.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// The interpolant and the data that it trains on.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The number of steps taken.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The run's seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The next step, as the objective will get it.
    pub fn training_step(&self) -> TrainingStep<'_> {
        TrainingStep {
            network: &*self.network,
            problem: &self.problem,
            config: &self.config,
            times: &self.times,
            seed: self.seed,
            step: self.step,
            prepared: self.prepared.as_ref(),
            share: self.share(),
            pass_mean: None,
        }
    }

    /// Checks the averaged weights on `n` held-out pairs, the same ones at every call. If several processes train
    /// together, all have to call it: each checks its share, and all get the result of all.
    ///
    /// # Errors
    /// If the objective fails on the held-out data, or another process has ended.
    pub fn self_check(&self, n: i64) -> Result<SelfCheck> {
        let of = (self.ema_network(), &*self.problem);
        let held_out = HeldOut::new(of, self.seed, n, self.config.batch)?.shared(self.share());
        let own =
            interflow_libtorch::with_tf32(false, || tch::no_grad(|| self.objective.held_out(&held_out)))?;
        let terms = match &self.together {
            Some(together) => together.pooled(held_out.n_own(), own)?,
            None => own,
        };
        Ok(SelfCheck { step: self.step, n: held_out.n, terms })
    }

    /// The state of the run, for [`Checkpoint::save`].
    pub fn state(&self) -> RunState<'_> {
        RunState {
            step: self.step,
            seed: self.seed,
            network: &*self.network,
            ema: self.ema.as_ref().map(Ema::network),
            optimizer: self.optimizer.state(),
            companion: self.companion.as_ref().map_or_else(Vec::new, |companion| companion.state()),
            best_objective: self.patience.best,
            n_worse: self.patience.n_worse,
            parts: self.parts,
        }
    }

    /// Replaces the state, including the seed, by that of a checkpoint.
    ///
    /// # Errors
    /// [`Error::Mismatch`], or a mismatch of parameters, if the checkpoint belongs to another network or config.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        self.optimizer.check_fits(&checkpoint.optimizer)?;
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
        if let (Accumulate::Auto, Some(parts)) = (self.config.accumulate, checkpoint.parts) {
            self.take_parts(parts)?;
        }
        self.network.parameters_mut().assign(&checkpoint.model)?;
        self.optimizer.restore(&checkpoint.optimizer)?;
        self.patience = Patience { best: checkpoint.best_objective, n_worse: checkpoint.n_worse };
        self.seed = checkpoint.seed;
        self.step = checkpoint.step;
        Ok(())
    }
}

//! The loop over steps, with its reports, checks and checkpoints.

use std::time::{Duration, Instant};

use super::Trainer;
use super::quiet::Quiet;
use super::together::Together;
use super::unread::Numbers;
use crate::config::due;
use crate::error::{Error, Failure, Result};
use crate::observer::{Observer, StepReport};
use crate::outcome::{Outcome, StopReason};

/// After how long without a report a step is reported out of turn.
const SLOW: Duration = Duration::from_secs(10);

/// When the last report was made.
struct LastReport {
    at: Instant,
    step: u64,
    /// The threads that steps have, as last reported; 0 before that.
    threads: u32,
}

impl Trainer {
    /// Trains from the present step to the last, or until the observer asks to stop.
    ///
    /// # Errors
    /// [`Error::NotFinite`] naming the step, [`Error::Observer`], an error of the objective, or a failure of
    /// libtorch.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<Outcome> {
        if self.together.as_ref().is_some_and(Together::is_quiet) {
            self.run_told(&mut Quiet(observer))
        } else {
            self.run_told(observer)
        }
    }

    fn run_told(&mut self, observer: &mut dyn Observer) -> Result<Outcome> {
        let start = Instant::now();
        let stop = self.train(observer);
        let ended = observer.on_end();
        let stop = stop?;
        ended.map_err(self.observer_failed())?;
        Ok(Outcome { steps: self.step, stop, train_secs: start.elapsed().as_secs_f64() })
    }

    fn train(&mut self, observer: &mut dyn Observer) -> Result<StopReason> {
        self.take_first_state()?;
        self.choose_parts(observer)?;
        let mut last = LastReport { at: Instant::now(), step: self.step, threads: 0 };
        let stop = loop {
            observer.check().map_err(self.observer_failed())?;
            if let Some(stop) = self.stop_reason(observer) {
                break stop;
            }
            let learning_rate = self.config.optimizer.learning_rate * self.learning_factor();
            self.step_by_choice(&mut last, observer)?;
            self.report(learning_rate, &mut last, observer)?;
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
        Ok(stop)
    }

    /// The error for what an observer says after the present step.
    fn observer_failed(&self) -> impl FnOnce(Failure) -> Error + use<> {
        let step = self.step;
        move |source| Error::Observer { step, source }
    }

    /// Takes one step and gives the companion its turn, with the threads that are chosen for them, if they are.
    fn step_by_choice(&mut self, last: &mut LastReport, observer: &mut dyn Observer) -> Result<()> {
        let stop = self.together.is_some() && observer.interrupted();
        let Some(mut choice) = self.threads.take() else { return self.step_in_turn(stop) };
        let threads = choice.threads();
        if threads != last.threads {
            last.threads = threads;
            observer.on_threads(self.step + 1, threads);
        }
        let step = choice.time(1.0, || self.step_in_turn(stop));
        self.threads = Some(choice);
        step
    }

    /// Takes one step and gives the companion its turn.
    fn step_in_turn(&mut self, stop: bool) -> Result<()> {
        self.advance(stop)?;
        self.with_companions_turn(|companion, turn| companion.after_step(turn))?;
        Ok(())
    }

    fn stop_reason(&self, observer: &dyn Observer) -> Option<StopReason> {
        if self.step >= self.config.steps {
            Some(StopReason::Finished)
        } else if self.patience.exhausted(self.config.patience) {
            Some(StopReason::EarlyStop)
        } else {
            let stop = self.together.as_ref().map_or_else(|| observer.interrupted(), Together::stop);
            stop.then_some(StopReason::Interrupted)
        }
    }

    /// Reports a step in its turn, and out of turn after a long silence.
    fn report(
        &mut self,
        learning_rate: f64,
        last: &mut LastReport,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let in_turn = due(self.config.log_every, self.step);
        if !in_turn && last.at.elapsed() <= SLOW {
            return Ok(());
        }
        let Some(Numbers { loss, grad_norm }) = self.unread.read()? else { return Ok(()) };
        let step_secs = last.at.elapsed().as_secs_f64() / (self.step - last.step) as f64;
        let report = StepReport {
            step: self.step,
            steps: self.config.steps,
            loss,
            grad_norm,
            learning_rate,
            step_secs,
            pairs_per_sec: self.config.batch as f64 / step_secs,
        };
        if in_turn {
            observer.on_step(&report);
        } else {
            observer.on_slow_step(&report);
        }
        (last.at, last.step) = (Instant::now(), self.step);
        Ok(())
    }

    fn validate(&mut self, observer: &mut dyn Observer) -> Result<()> {
        self.unread.read()?;
        let check = self.self_check(self.config.n_validation)?;
        let objective = check.trained_objective();
        let of_first = |together: &Together| together.of_first(objective);
        self.patience.observe(self.together.as_ref().map_or(Ok(objective), of_first)?);
        observer.on_validation(&check);
        let numbers = self.with_companions_turn(|companion, turn| companion.after_check(turn, &check))?;
        if let Some(numbers) = numbers {
            observer.on_companion(self.step, &numbers);
        }
        Ok(())
    }

    /// Weights are saved only after a look at the numbers of all steps that made them.
    fn checkpoint(&mut self, observer: &mut dyn Observer) -> Result<()> {
        self.unread.read()?;
        observer.on_checkpoint(&self.state()).map_err(self.observer_failed())
    }
}

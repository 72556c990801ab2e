//! The search for a path, the outer problem of `max_I min_v G(I, v)` (\[AV23\], optimal transport).
//!
//! At its minimiser `G(I, v) = −∫E|v_t(x_t)|² dt` is minus the transport cost, so the path I that maximises it is the
//! shortest of its family. The trainer's own steps minimise in v. After every few of them the path takes one step of
//! gradient ascent, with the velocity's weights held fixed, through `x_t` into v̂ and through `ẋ_t`. Once the cost no
//! longer falls, or after a given step, the path rests: it is set to the average of its parameters, and the velocity
//! is trained to its minimum.

use interflow_core::Given;
use interflow_core::backward::{Graph, gradients};
use interflow_core::rng::{Purpose, Stream};
use interflow_metrics::energy_distance_test;
use interflow_solvers::{Method, SolverConfig};
use interflow_train::{Companion, Error as TrainError, ObjectiveForm, Optimizer, SelfCheck, Turn};
use tch::Tensor;

use crate::error::{Error, Result, check_range};
use crate::learnable::LearnablePath;
use crate::path_config::PathConfig;
use crate::saved_path::{self, Progress, SavedSearch};

/// The search for a path beside the training of the velocity, whose companion it is.
#[derive(Debug)]
pub struct PathAscent {
    config: PathConfig,
    /// The velocity's step after which the path rests.
    rest_after: u64,
    path: LearnablePath,
    average: Vec<(String, Tensor)>,
    optimizer: Optimizer,
    progress: Progress,
}

impl PathAscent {
    /// A search beside a training of `steps` steps. It starts at `path`, whose interpolant has to be that of the
    /// training problem.
    ///
    /// # Errors
    /// As [`PathConfig::check`], and [`Error::OutOfRange`] if the search would end before its start.
    pub fn new(config: PathConfig, path: LearnablePath, steps: u64) -> Result<Self> {
        config.check()?;
        let rest_after = (config.rest_at * steps as f64) as u64;
        let start = config.start as f64;
        check_range("start", "less than rest_at of the steps", start, config.start < rest_after)?;
        let optimizer = Optimizer::of_parameters(config.optimizer, path.parameters(), &[]);
        let average = path.parameters().detached_copy();
        Ok(Self { config, rest_after, path, average, optimizer, progress: Progress::default() })
    }

    /// The path as it is now.
    pub fn path(&self) -> &LearnablePath {
        &self.path
    }

    /// The gradient of `−G` in the path's parameters on a fresh batch, in their order.
    fn gradient(&self, turn: &Turn<'_>) -> Result<Vec<Tensor>> {
        let batch = turn.batch(self.config.batch)?;
        let value = turn.network.value(&batch.t, &batch.x, &batch.given);
        let shortfall = ObjectiveForm::G.loss(&value, &batch.path_derivative).neg();
        Ok(gradients("the path's backward pass", &shortfall, self.optimizer.params(), Graph::Freed)?)
    }

    fn ascend(&mut self, turn: &Turn<'_>) -> Result<()> {
        let gradient = self.gradient(turn)?;
        let norm = interflow_libtorch::total_norm(&gradient)?.double_value(&[]);
        check_range("the norm of the path's gradient", "finite", norm, norm.is_finite())?;
        let PathConfig { start, ema_decay, .. } = self.config;
        let share = (turn.step - start) as f64 / (self.rest_after - start) as f64;
        let factor = 0.5 * (1.0 + (std::f64::consts::PI * share.min(1.0)).cos());
        self.progress.n_steps += 1;
        self.optimizer.step(&gradient, self.progress.n_steps, factor)?;
        let n = self.progress.n_steps as f64;
        let decay = ema_decay.min((1.0 + n) / (10.0 + n));
        let average: Vec<Tensor> = self.average.iter().map(|(_, tensor)| tensor.shallow_clone()).collect();
        Ok(interflow_libtorch::foreach_lerp_(&average, self.optimizer.params(), 1.0 - decay)?)
    }

    /// Puts the path to rest at its average.
    fn rest(&mut self) -> Result<()> {
        self.progress.at_rest = true;
        Ok(self.path.parameters_mut().assign(&self.average)?)
    }

    /// Takes note of a check's cost, and rests if it has not fallen for too long.
    fn watch(&mut self, cost: f64) -> Result<()> {
        let least = self.progress.least_cost;
        if least.is_none_or(|least| cost < least * (1.0 - self.config.least_fall)) {
            (self.progress.least_cost, self.progress.n_worse) = (Some(cost), 0);
        } else {
            self.progress.n_worse += 1;
        }
        let patience = self.config.patience.unwrap_or(u32::MAX);
        if !self.progress.at_rest && self.progress.n_worse >= patience { self.rest() } else { Ok(()) }
    }

    /// The energy distance of held-out target points to samples of ten steps of Heun's method, `NaN` if none are drawn.
    fn sample_distance(&self, turn: &Turn<'_>) -> Result<f64> {
        let n = self.config.n_samples;
        if n == 0 {
            return Ok(f64::NAN);
        }
        let stream = |purpose| Stream::new(turn.seed, purpose);
        let x0 = turn.problem.held_out_base.batch(n, 0, &stream(Purpose::Sampling)).x;
        let x1 = turn.problem.held_out_target.batch(n, 0, &stream(Purpose::Validation));
        let parameters = turn.ema_network.parameters();
        let placement = (parameters.kind(), parameters.device());
        let x0 = x0.to_kind(placement.0).to_device(placement.1);
        let solver =
            SolverConfig { method: Method::Heun, steps: Some(10), ..SolverConfig::default() }.build()?;
        let velocity = turn.ema_network.at(&x1.given.place(placement));
        let samples = solver.solve(&velocity, &x0, 0.0, 1.0)?.x;
        let (samples, points) = (with_given(&samples, &x1.given), with_given(&x1.x, &x1.given));
        Ok(energy_distance_test(&samples, &points, 0, &mut stream(Purpose::Resample).at(0))?.statistic)
    }
}

/// Points and what they are given as points of one space, so that a distance of laws sees both.
fn with_given(x: &Tensor, given: &Given) -> Tensor {
    let Some(given) = given.tensor() else { return x.shallow_clone() };
    let given = given.to_device(x.device()).to_kind(x.kind()).view([x.size()[0], -1]);
    Tensor::cat(&[&given, x], 1)
}

impl Companion for PathAscent {
    fn after_step(&mut self, turn: &Turn<'_>) -> interflow_train::Result<()> {
        let PathConfig { start, every, .. } = self.config;
        if self.progress.at_rest || turn.step < start || !(turn.step - start).is_multiple_of(every) {
            return Ok(());
        }
        let taken = if turn.step >= self.rest_after { self.rest() } else { self.ascend(turn) };
        taken.map_err(|error| failed(turn.step, error))
    }

    fn after_check(
        &mut self,
        turn: &Turn<'_>,
        check: &SelfCheck,
    ) -> interflow_train::Result<Vec<(&'static str, f64)>> {
        let cost = check.balance().map_or(f64::NAN, |balance| -balance.minus_square.mean);
        let distance = self.sample_distance(turn).map_err(|error| failed(turn.step, error))?;
        if turn.step >= self.config.start {
            self.watch(cost).map_err(|error| failed(turn.step, error))?;
        }
        let at_rest = f64::from(u8::from(self.progress.at_rest));
        Ok(vec![("transport_cost", cost), ("sample_energy_distance", distance), ("path_at_rest", at_rest)])
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        saved_path::state(self.progress, &self.path, &self.average, &self.optimizer)
    }

    fn restore(&mut self, state: &[(String, Tensor)]) -> interflow_train::Result<()> {
        let mismatch = |error: Error| match error {
            Error::Mismatch { .. } => TrainError::Mismatch { problem: error.to_string() },
            error => TrainError::Failed { operation: "restore the search for a path", source: error.into() },
        };
        let saved = SavedSearch::of(state).map_err(mismatch)?;
        // The one check of names and shapes serves the weights and their average, which have the same ones.
        self.path.parameters_mut().assign(&saved.average)?;
        self.path.parameters_mut().assign(&saved.weights)?;
        self.optimizer.restore(&saved.optimizer)?;
        for (name, own) in &mut self.average {
            if let Some((_, saved)) = saved.average.iter().find(|(other, _)| other == name) {
                own.copy_(saved);
            }
        }
        self.progress = saved.progress;
        Ok(())
    }
}

fn failed(step: u64, error: Error) -> TrainError {
    match error {
        Error::Train(error) => error,
        error => TrainError::Companion { step, source: Box::new(error) },
    }
}

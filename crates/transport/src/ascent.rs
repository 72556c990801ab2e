//! The path's side of `max_I min_v G(I, v)` (\[AV23\], optimal transport).
//!
//! At its minimiser `G(I, v) = −∫E|v_t(x_t)|² dt`, minus the transport cost: the path I that maximises it is the
//! shortest of its family. The velocity descends by the trainer's own steps; after every few of them the path ascends by
//! one, with the velocity's weights held fixed, through `x_t` into v̂ and through `ẋ_t`. Once the cost no longer falls, or
//! after a given step, the path rests at the average of its parameters, and the velocity goes on to its minimum.

use interflow_core::Parameters;
use interflow_core::rng::{Purpose, Stream};
use interflow_metrics::energy_distance_test;
use interflow_solvers::{Method, SolverConfig};
use interflow_train::optimizer::Moments;
use interflow_train::{
    Companion, Error as TrainError, Moment, ObjectiveForm, Optimizer, OptimizerConfig, SelfCheck,
};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result, check_range, torch};
use crate::{LearnablePath, PathFamily};

/// How a path is learned, as written in a config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathConfig {
    /// The paths that are searched; the interpolant of the config is where the search starts.
    pub family: PathFamily,
    /// The velocity's steps before the path's first.
    #[serde(default = "default_start")]
    pub start: u64,
    /// The velocity's steps for each of the path's.
    #[serde(default = "default_every")]
    pub every: u64,
    /// The part of the velocity's steps after which the path rests.
    #[serde(default = "default_rest_at")]
    pub rest_at: f64,
    /// The pairs (x0, x1) per step of the path.
    #[serde(default = "default_batch")]
    pub batch: i64,
    /// The path's optimiser; its rate falls along a half cosine to 0 at `rest_at`.
    #[serde(default = "default_optimizer")]
    pub optimizer: OptimizerConfig,
    /// The decay of the average that the path rests at, per step of the path.
    #[serde(default = "default_decay")]
    pub ema_decay: f64,
    /// The path rests after so many held-out checks in a row in which the cost has not fallen; never without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<u32>,
    /// By which part of itself the cost has to fall to count as falling.
    #[serde(default = "default_least_fall")]
    pub least_fall: f64,
    /// Points on each side by which the samples are watched at each check; none for 0.
    #[serde(default = "default_n_samples")]
    pub n_samples: i64,
}

fn default_start() -> u64 {
    1000
}

fn default_every() -> u64 {
    5
}

fn default_rest_at() -> f64 {
    0.7
}

fn default_batch() -> i64 {
    512
}

fn default_optimizer() -> OptimizerConfig {
    OptimizerConfig { learning_rate: 1e-2, beta2: 0.99, ..OptimizerConfig::default() }
}

fn default_decay() -> f64 {
    0.95
}

fn default_least_fall() -> f64 {
    1e-3
}

fn default_n_samples() -> i64 {
    500
}

impl PathConfig {
    /// The defaults for a family.
    pub fn new(family: PathFamily) -> Self {
        Self {
            family,
            start: default_start(),
            every: default_every(),
            rest_at: default_rest_at(),
            batch: default_batch(),
            optimizer: default_optimizer(),
            ema_decay: default_decay(),
            patience: None,
            least_fall: default_least_fall(),
            n_samples: default_n_samples(),
        }
    }

    /// Checks every number.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or a refusal of the family or the optimiser.
    pub fn check(&self) -> Result<()> {
        self.family.check()?;
        self.optimizer.check()?;
        check_range("every", "positive", self.every as f64, self.every > 0)?;
        check_range("rest_at", "in (0, 1]", self.rest_at, self.rest_at > 0.0 && self.rest_at <= 1.0)?;
        check_range("batch", "positive", self.batch as f64, self.batch > 0)?;
        check_range("ema_decay", "in [0, 1)", self.ema_decay, (0.0..1.0).contains(&self.ema_decay))?;
        let fall = self.least_fall;
        check_range("least_fall", "in [0, 1)", fall, (0.0..1.0).contains(&fall))?;
        check_range(
            "n_samples",
            "0 or at least 2",
            self.n_samples as f64,
            self.n_samples == 0 || self.n_samples > 1,
        )
    }
}

/// How far the search has come.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    n_steps: u64,
    n_worse: u32,
    least_cost: Option<f64>,
    at_rest: bool,
}

/// The path's side of the max–min problem, a companion of the velocity's training.
#[derive(Debug)]
pub struct PathAscent {
    config: PathConfig,
    n_given: i64,
    /// The velocity's step after which the path rests.
    rest_after: u64,
    path: LearnablePath,
    average: Vec<(String, Tensor)>,
    optimizer: Optimizer,
    progress: Progress,
}

impl PathAscent {
    /// A search beside `steps` steps of the velocity. It starts at `path`, whose interpolant is the one of the training
    /// problem; the first `n_given` coordinates are conditions.
    ///
    /// # Errors
    /// As [`PathConfig::check`], and [`Error::OutOfRange`] if the search would end before its start.
    pub fn new(config: PathConfig, path: LearnablePath, n_given: i64, steps: u64) -> Result<Self> {
        config.check()?;
        let rest_after = (config.rest_at * steps as f64) as u64;
        let start = config.start as f64;
        check_range("start", "less than rest_at of the steps", start, config.start < rest_after)?;
        let optimizer = Optimizer::of_parameters(config.optimizer, path.parameters(), &[]);
        let average = path.parameters().detached_copy();
        Ok(Self { config, n_given, rest_after, path, average, optimizer, progress: Progress::default() })
    }

    /// The path.
    pub fn path(&self) -> &LearnablePath {
        &self.path
    }

    /// The gradient of `−G` in the path's parameters on a fresh batch, in their order.
    fn gradient(&self, moment: &Moment<'_>) -> Result<Vec<Tensor>> {
        let batch = moment.batch(self.config.batch)?;
        let value = moment.network.value(&batch.t, &batch.x);
        let shortfall = ObjectiveForm::G.loss(&value, &batch.path_derivative).neg();
        let operation = "the path's backward pass";
        Tensor::f_run_backward(&[&shortfall], self.optimizer.params(), false, false).map_err(torch(operation))
    }

    fn ascend(&mut self, moment: &Moment<'_>) -> Result<()> {
        let gradient = self.gradient(moment)?;
        let norm = interflow_libtorch::total_norm(&gradient)?;
        check_range("the norm of the path's gradient", "finite", norm, norm.is_finite())?;
        let PathConfig { start, ema_decay, .. } = self.config;
        let share = (moment.step - start) as f64 / (self.rest_after - start) as f64;
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
    fn sample_distance(&self, moment: &Moment<'_>) -> Result<f64> {
        let n = self.config.n_samples;
        if n == 0 {
            return Ok(f64::NAN);
        }
        let stream = |purpose| Stream::new(moment.seed(), purpose);
        let x0 = moment.problem.held_out_base.batch(n, 0, &stream(Purpose::Sampling));
        let x1 = moment.problem.held_out_target.batch(n, 0, &stream(Purpose::Validation));
        let free = x1.size()[1] - self.n_given;
        let x0 = Tensor::cat(&[x1.narrow(1, 0, self.n_given), x0.narrow(1, self.n_given, free)], 1);
        let parameters = moment.ema_network.parameters();
        let x0 = x0.to_kind(parameters.kind()).to_device(parameters.device());
        let solver =
            SolverConfig { method: Method::Heun, steps: Some(10), ..SolverConfig::default() }.build()?;
        let samples = solver.solve(&moment.ema_network, &x0, 0.0, 1.0)?.x;
        Ok(energy_distance_test(&samples, &x1, 0, &mut stream(Purpose::Resample).at(0))?.statistic)
    }
}

impl Companion for PathAscent {
    fn after_step(&mut self, moment: &Moment<'_>) -> interflow_train::Result<()> {
        let PathConfig { start, every, .. } = self.config;
        if self.progress.at_rest || moment.step < start || !(moment.step - start).is_multiple_of(every) {
            return Ok(());
        }
        let turn = if moment.step >= self.rest_after { self.rest() } else { self.ascend(moment) };
        turn.map_err(|error| failed(moment.step, error))
    }

    fn after_check(
        &mut self,
        moment: &Moment<'_>,
        check: &SelfCheck,
    ) -> interflow_train::Result<Vec<(&'static str, f64)>> {
        let cost = check.balance.map_or(f64::NAN, |balance| -balance.minus_square.mean);
        let distance = self.sample_distance(moment).map_err(|error| failed(moment.step, error))?;
        if moment.step >= self.config.start {
            self.watch(cost).map_err(|error| failed(moment.step, error))?;
        }
        let at_rest = f64::from(u8::from(self.progress.at_rest));
        Ok(vec![("transport_cost", cost), ("sample_energy_distance", distance), ("path_at_rest", at_rest)])
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        let Progress { n_steps, n_worse, least_cost, at_rest } = self.progress;
        let flags = [
            n_steps as f64,
            f64::from(n_worse),
            least_cost.unwrap_or(f64::NAN),
            f64::from(u8::from(at_rest)),
        ];
        let mut state = vec![(PROGRESS.to_owned(), Tensor::from_slice(&flags))];
        let mut put = |prefix: &str, tensors: Vec<(String, Tensor)>| {
            state.extend(tensors.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)));
        };
        let moments = self.optimizer.moments();
        put(WEIGHTS, self.path.parameters().detached_copy());
        put(AVERAGE, self.average.iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect());
        put(MEANS, moments.exp_avg);
        put(SQUARES, moments.exp_avg_sq);
        state
    }

    fn restore(&mut self, state: &[(String, Tensor)]) -> interflow_train::Result<()> {
        let mismatch = |error: Error| TrainError::Mismatch { problem: error.to_string() };
        let progress = progress(state).map_err(mismatch)?;
        let average = with_prefix(state, AVERAGE);
        // The one check of names and shapes serves the weights and their average, which have the same ones.
        self.path.parameters_mut().assign(&average)?;
        self.path.parameters_mut().assign(&with_prefix(state, WEIGHTS))?;
        self.optimizer.restore(&Moments {
            exp_avg: with_prefix(state, MEANS),
            exp_avg_sq: with_prefix(state, SQUARES),
        })?;
        for (own, saved) in self.average.iter_mut().map(|(name, own)| {
            let saved = average.iter().find(|(other, _)| other == name).map(|(_, saved)| saved);
            (own, saved)
        }) {
            if let Some(saved) = saved {
                own.copy_(saved);
            }
        }
        self.progress = progress;
        Ok(())
    }
}

const PROGRESS: &str = "progress";
const WEIGHTS: &str = "path/";
const AVERAGE: &str = "path_average/";
const MEANS: &str = "path_optimizer/exp_avg/";
const SQUARES: &str = "path_optimizer/exp_avg_sq/";

/// Gives `parameters` of a path the averages that a checkpoint's companion state holds: the path to use.
///
/// # Errors
/// If the state holds no such path.
pub fn restore_path(parameters: &mut Parameters, state: &[(String, Tensor)]) -> Result<()> {
    Ok(parameters.assign(&with_prefix(state, AVERAGE))?)
}

/// The entries under a prefix, on the CPU, less the prefix.
fn with_prefix(state: &[(String, Tensor)], prefix: &str) -> Vec<(String, Tensor)> {
    let strip = |(name, tensor): &(String, Tensor)| {
        name.strip_prefix(prefix).map(|rest| (rest.to_owned(), tensor.to_device(Device::Cpu)))
    };
    state.iter().filter_map(strip).collect()
}

fn progress(state: &[(String, Tensor)]) -> Result<Progress> {
    let missing = || Error::Mismatch { what: "a saved path", problem: "it has no progress".to_owned() };
    let (_, flags) = state.iter().find(|(name, _)| name == PROGRESS).ok_or_else(missing)?;
    let flags = Vec::<f64>::try_from(flags.to_kind(Kind::Double)).map_err(torch("reading a saved path"))?;
    let [n_steps, n_worse, least_cost, at_rest] = flags[..] else { return Err(missing()) };
    Ok(Progress {
        n_steps: n_steps as u64,
        n_worse: n_worse as u32,
        least_cost: (!least_cost.is_nan()).then_some(least_cost),
        at_rest: at_rest > 0.5,
    })
}

fn failed(step: u64, error: Error) -> TrainError {
    match error {
        Error::Train(error) => error,
        error => TrainError::Companion { step, source: Box::new(error) },
    }
}

//! A trained flow in the data's units.
//!
//! At t = 1 states are what the data are: rows of a table in the units of its file (integers where a column was
//! dequantised), or levels of an image's pixels. At t = 0 they are the base's: standard normal numbers, or the rows of its
//! table. In between a table's states are on the columns' scale.

mod holes;
mod jumps;
mod pattern;
mod table_rows;
mod units;

use std::path::Path;

use interflow_core::{Given, Points, Space, VectorField as _, memory};
use interflow_data::Columns;
use interflow_train::{Checkpoint, RunState};
use interflow_transport::saved_path;
use tch::{Device, Kind, Tensor};

pub use self::pattern::HoleProbability;
pub use self::table_rows::TableRows;
use crate::checkpoint;
use crate::engine::{Computed, Engine};
use crate::error::{During as _, Result, refuse};
use crate::manifest::FlowManifest;
use crate::path::{FlowPath, check_time};
use crate::sample::{SampleOptions, Samples};
use crate::threads::Threads;
use crate::work::Work;

/// A trained flow: samples, encodings, log-densities and scores, in the data's units.
///
/// Points may be a tensor `[N, D]` or, for a flow that is given something, [`Points`] with their conditions. They may be of
/// any device and kind; results are on the CPU.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// # let run = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/v1/mlp.safetensors");
/// // `run` is a run folder, or a checkpoint file.
/// let flow = interflow_flow::Flow::load(run)?;
/// let samples = flow.sample(1000, 0)?;
/// let nats = flow.log_density(&samples, 1.0)?;
/// assert_eq!(nats.size(), [1000]);
/// # Ok(())
/// # }
/// ```
pub struct Flow {
    engine: Engine,
}

/// Points of a flow as its methods take them.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// # use interflow_flow::{Experiment, ExperimentConfig};
/// # let moons = interflow_core::target::DensityConfig::TwoMoons {};
/// # let mut config = ExperimentConfig::synthetic("moons", moons);
/// # (config.train.steps, config.train.n_validation) = (2, 100);
/// # let flow = Experiment::new(config).train()?.flow();
/// use interflow_core::Points;
/// use interflow_flow::AsPoints;
///
/// // A tensor stands for points that are given nothing.
/// let samples = flow.sample(5, 0)?;
/// let points: Points = samples.points();
/// assert_eq!(flow.encode(&samples)?, flow.encode(&points)?);
/// # Ok(())
/// # }
/// ```
pub trait AsPoints {
    /// A handle on the states and what they are given.
    fn points(&self) -> Points;
}

impl AsPoints for Tensor {
    fn points(&self) -> Points {
        Points::from(self.shallow_clone())
    }
}

impl AsPoints for Points {
    fn points(&self) -> Points {
        self.shallow_clone()
    }
}

impl Flow {
    /// The flow of a checkpoint file, or of the newest checkpoint of a run folder, on the CPU.
    ///
    /// # Errors
    /// If there is no checkpoint, it is damaged, or this version cannot use it.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::load_on(path, Device::Cpu)
    }

    /// The same on a device ([`crate::device::parse`]).
    ///
    /// # Errors
    /// As [`Flow::load`].
    pub fn load_on(path: impl AsRef<Path>, device: Device) -> Result<Self> {
        let file = checkpoint::find(path.as_ref())?;
        let checkpoint = Checkpoint::load(&file)?;
        let manifest = checkpoint::manifest(&checkpoint);
        manifest
            .and_then(|manifest| Self::restore(manifest, &checkpoint, device))
            .during(format!("cannot use the checkpoint: {}", file.display()))
    }

    /// The flow of a checkpoint that was read, as `manifest` describes it.
    ///
    /// # Errors
    /// If the weights are not of the network that the manifest describes.
    pub fn restore(manifest: FlowManifest, checkpoint: &Checkpoint, device: Device) -> Result<Self> {
        Ok(Self::from(Engine::restore(manifest, checkpoint, device)?))
    }

    /// Writes the flow into a checkpoint file, whole or not at all: [`Flow::load`] reads it.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] for a flow with parts from outside its config, which no checkpoint can describe; if the file
    /// cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.engine.undescribed().check_saved()?;
        let mut state = RunState::of(self.engine.network(), self.engine.step(), self.engine.seed());
        state.companion = self.engine.learned_path().map_or_else(Vec::new, saved_path);
        let texts = [(checkpoint::MANIFEST.to_owned(), self.manifest().to_toml()?)];
        Ok(Checkpoint::save(path.as_ref(), &state, &texts.into())?)
    }

    /// The flow in its own coordinates, for evaluation and studies.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What the checkpoint says of it.
    pub fn manifest(&self) -> &FlowManifest {
        self.engine.manifest()
    }

    /// The dimension of its states and what they are given.
    pub fn space(&self) -> Space {
        self.engine.space()
    }

    /// The same flow, shown and stopped by `work`.
    #[must_use]
    pub fn with_work(self, work: Work) -> Self {
        Self { engine: self.engine.with_work(work) }
    }

    /// The same flow that may use TF32 on NVIDIA GPUs, or may not, as at first ([`Engine::with_tf32`]).
    #[must_use]
    pub fn with_tf32(self, tf32: bool) -> Self {
        Self { engine: self.engine.with_tf32(tf32) }
    }

    /// The same flow with these threads of a tensor operation ([`Engine::with_threads`]).
    ///
    /// ```
    /// # fn main() -> interflow_flow::Result<()> {
    /// # use interflow_core::target::DensityConfig;
    /// # use interflow_flow::{Experiment, ExperimentConfig};
    /// use interflow_flow::Threads;
    ///
    /// # let mut config = ExperimentConfig::synthetic("moons", DensityConfig::TwoMoons {});
    /// # (config.train.steps, config.train.n_validation) = (2, 100);
    /// # let flow = Experiment::new(config).train()?.flow();
    /// // Whatever else the machine does: the calls' own times decide how many threads they get.
    /// let flow = flow.with_threads(Threads::Auto);
    /// assert_eq!(flow.sample(5, 0)?.size(), [5, 2]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_threads(self, threads: Threads) -> Self {
        Self { engine: self.engine.with_threads(threads) }
    }

    /// The same flow with another seed of base points and probes than the run's.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self { engine: self.engine.with_seed(seed) }
    }

    /// The columns of the table that the target is, the conditions among them.
    pub fn columns(&self) -> Option<&Columns> {
        self.manifest().target.columns.as_ref()
    }

    /// `n` samples of the target, `[n, D]`. A flow with classes takes each class in turn; one that is given numbers wants
    /// [`Flow::sample_with`].
    ///
    /// # Errors
    /// If the base is known by its data only, conditions are missing, the solver fails, or the work is cancelled.
    pub fn sample(&self, n: u64, seed: u64) -> Result<Tensor> {
        Ok(self.sample_with(n, &SampleOptions::default().seed(seed))?.points.x)
    }

    /// `n` samples of the target, drawn as `options` say.
    ///
    /// # Errors
    /// As [`Flow::sample`], and if an option does not go with the flow.
    pub fn sample_with(&self, n: u64, options: &SampleOptions) -> Result<Samples> {
        let seed = options.seed.unwrap_or(self.engine.seed());
        let dim = self.space().dim.unsigned_abs();
        memory::check(format!("{n} samples of dimension {dim}"), 8.0 * n as f64 * dim as f64)?;
        let given = self.given_of_samples(n, options)?;
        let mut path = FlowPath::new(&self.engine, options.along)?.with_guidance(options.guidance);
        if !options.observed.is_empty() {
            path = path.observing(self.observed(&options.observed)?)?;
        }
        let kind = self.manifest().precision.kind();
        let x0 = self.engine.base().sample(options.first, n as i64, seed, kind)?;
        let start = Points { x: x0, given };
        let task = self.engine.work().begin("sample", n);
        if options.log_density {
            options.check_log_density()?;
            let found = self.engine.push(&start, &task)?;
            let dim = self.space().dim;
            let (z, at) = (found.rows.narrow(1, 0, dim), found.rows.select(1, dim));
            let (x, log_jacobian) = self.leave_with_log_jacobian(&z)?;
            let log_density = Some(at.to_device(Device::Cpu).to_kind(Kind::Double) + log_jacobian);
            return Ok(Samples {
                points: Points { x, given: self.given_back(&start.given, options)? },
                nfe: found.nfe,
                log_density,
            });
        }
        let found = match (options.calls, &options.noise) {
            (Some(calls), _) => {
                options.check_calls()?;
                self.engine.carry_in(&start, (0.0, 1.0), calls, &task)?
            }
            (None, None) => path.carry(&start, &task)?,
            (None, Some(noise)) => path.diffuse(&start, noise, seed, &task)?,
        };
        let x = self.leave(&found.rows, 1.0)?;
        let given = self.given_back(&start.given, options)?;
        Ok(Samples { points: Points { x, given }, nfe: found.nfe, log_density: None })
    }

    /// What samples were given, in the data's units: the caller's own values, free of rounding, where there are some.
    fn given_back(&self, given: &Given, options: &SampleOptions) -> Result<Given> {
        if options.given.is_nothing() { self.restore_given(given) } else { Ok(options.given.shallow_clone()) }
    }

    /// Carries target points to the base, `[N, D]`.
    ///
    /// # Errors
    /// As [`Flow::carry`].
    pub fn encode(&self, points: &impl AsPoints) -> Result<Tensor> {
        self.carry(points, 1.0, 0.0)
    }

    /// Carries points of time `from` to time `to` along the flow, `[N, D]`.
    ///
    /// At t = 0 points are in the units of the base, after it in those of the target's table; only at t = 1 are numbers with
    /// a quantum, and levels of images, rounded to whole ones. What [`Flow::log_density`] and [`Flow::score`] take is
    /// counted alike.
    ///
    /// # Errors
    /// If the points are not the flow's, a row of a table has what its columns cannot be, a time lies outside [0, 1], the solver
    /// fails, or the work is cancelled.
    pub fn carry(&self, points: &impl AsPoints, from: f64, to: f64) -> Result<Tensor> {
        Ok(self.carry_counted(points, (from, to))?.rows)
    }

    /// As [`Flow::carry`], with the number of network calls that it took.
    ///
    /// # Errors
    /// As [`Flow::carry`].
    pub fn carry_counted(&self, points: &impl AsPoints, (from, to): (f64, f64)) -> Result<Computed> {
        check_time(from)?;
        check_time(to)?;
        let points = self.enter_possible(&points.points(), from)?;
        let name = if (from, to) == (1.0, 0.0) { "encode" } else { "carry" };
        let task = self.engine.work().begin(name, points.len().unsigned_abs());
        let found = self.engine.carry(&points, (from, to), &task)?;
        Ok(Computed { rows: self.leave(&found.rows, to)?, nfe: found.nfe })
    }

    /// `log ρ_t` in nats at points, `[N]`: given their conditions, where they have some. For images at t = 1 it is a lower
    /// bound on the log-probability of their levels, by one draw of the noise that dequantises them.
    ///
    /// # Errors
    /// As [`Flow::carry`], but a row that cannot be has the log-density −∞; [`crate::Error::Refused`] for a base that is known by
    /// samples only.
    pub fn log_density(&self, points: &impl AsPoints, t: f64) -> Result<Tensor> {
        Ok(self.log_density_counted(points, t)?.rows)
    }

    /// As [`Flow::log_density`], with the number of network calls that it took.
    ///
    /// # Errors
    /// As [`Flow::log_density`].
    pub fn log_density_counted(&self, points: &impl AsPoints, t: f64) -> Result<Computed> {
        check_time(t)?;
        let points = points.points();
        let (entered, log_jacobian) = self.enter(&points, t)?;
        let task = self.engine.work().begin("log-density", entered.len().unsigned_abs());
        let found = self.engine.log_density(&entered, t, &task)?;
        let rows = found.rows.to_device(Device::Cpu) + log_jacobian;
        Ok(Computed { rows, nfe: found.nfe })
    }

    /// The score `∇log ρ_t` at points, `[N, D]`, for a flow with a Gaussian base or with a denoiser.
    ///
    /// # Errors
    /// Where the score is not told ([`FlowPath::score`]), the rows are whitened, or one has what its columns cannot be.
    pub fn score(&self, points: &impl AsPoints, t: f64) -> Result<Tensor> {
        if self.engine.whitening().is_some() {
            return refuse(
                "the path of whitened rows is not in the rows' units, and neither is its score\n\
                 hint: train with whiten = false",
            );
        }
        let rows = points.points();
        let points = self.enter_possible(&rows, t)?;
        let points = self.engine.admit(&points)?;
        let path = FlowPath::new(&self.engine, None)?;
        let task = self.engine.work().begin("score", points.len().unsigned_abs());
        let found = self.engine.carry_by(&points, (t, t), &task, |batch, _first| {
            let score = path.score(t, &batch.given)?;
            let times = batch.x.select(1, 0).full_like(t);
            Ok((tch::no_grad(|| score.value(&times, &batch.x)), 1))
        })?;
        self.score_in_units(found.rows.to_kind(Kind::Double).to_device(Device::Cpu), &rows, t)
    }
}

impl From<Engine> for Flow {
    fn from(engine: Engine) -> Self {
        Self { engine }
    }
}

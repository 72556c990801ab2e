//! A trained flow in the data's units.
//!
//! At t = 1 its points are in the units of the data: rows of a table as in its file (integers where a column was
//! dequantised), or the levels of images' pixels. At t = 0 they are in the units of the base: standard normal
//! numbers, or the rows of the base's table. In between they are in the units of the target's columns if these are
//! only shifted and scaled, or else in the flow's own coordinates.

mod draws;
mod holes;
mod jumps;
mod pattern;
mod table_rows;
mod units;

use std::path::Path;

use interflow_core::{Given, Points, Space, VectorField as _, memory};
use interflow_data::Columns;
use interflow_solvers::SolverConfig;
use interflow_train::{Checkpoint, RunState};
use interflow_transport::saved_path;
use tch::{Device, Kind, Tensor};

pub use self::draws::DensityOptions;
pub use self::jumps::CarryOptions;
pub use self::pattern::HoleProbability;
pub use self::table_rows::TableRows;
use crate::checkpoint;
use crate::engine::Engine;
use crate::error::{During as _, Result, refuse};
use crate::manifest::FlowManifest;
use crate::path::FlowPath;
use crate::sample::{SampleOptions, Samples};
use crate::threads::Threads;
use crate::work::Work;

/// A trained flow, which gives samples, encodings, log-densities and scores in the data's units.
///
/// Its methods take points as a tensor `[N, D]` or, for a flow with conditions, as [`Points`]. They may be on any
/// device and of any kind; results are on the CPU.
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
#[derive(Debug)]
pub struct Flow {
    engine: Engine,
}

/// Points as the methods of a flow take them: a tensor `[N, D]`, or [`Points`] with their conditions.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// # use interflow_flow::{Experiment, ExperimentConfig};
/// # let moons = interflow_core::target::DensityConfig::TwoMoons {};
/// # let mut config = ExperimentConfig::synthetic("moons", moons);
/// # (config.train.steps, config.train.n_validation) = (2, 100);
/// # let flow = Experiment::new(config).train()?.into_flow();
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
    /// The points, sharing their memory.
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
    /// Loads the flow of a checkpoint file, or of the newest checkpoint of a run folder, on the CPU.
    ///
    /// # Errors
    /// If there is no checkpoint, it is damaged, or this version cannot use it.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::load_on(path, Device::Cpu)
    }

    /// As [`Flow::load`], but on this device ([`crate::device::parse`]).
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

    /// Restores the flow of a checkpoint that was read before, as `manifest` describes it.
    ///
    /// # Errors
    /// If the weights do not fit the network that the manifest describes.
    pub fn restore(manifest: FlowManifest, checkpoint: &Checkpoint, device: Device) -> Result<Self> {
        Ok(Self::from(Engine::restore(manifest, checkpoint, device)?))
    }

    /// Writes the flow into a checkpoint file, from which [`Flow::load`] reads it. The file is written whole or not
    /// at all.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] for a flow with a network or an interpolant that a program gave, which no checkpoint
    /// can describe; if the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.engine.undescribed().check_saved()?;
        let mut state = RunState::of(self.engine.network(), self.engine.step(), self.engine.seed());
        state.companion = self.engine.learned_path().map_or_else(Vec::new, saved_path);
        let texts = [(checkpoint::MANIFEST.to_owned(), self.manifest().to_toml()?)];
        Ok(Checkpoint::save(path.as_ref(), &state, &texts.into())?)
    }

    /// The same flow in its own coordinates, as evaluation and studies use it.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The description of the flow that its checkpoint carries.
    pub fn manifest(&self) -> &FlowManifest {
        self.engine.manifest()
    }

    /// The dimension D of its points, and what it is given.
    pub fn space(&self) -> Space {
        self.engine.space()
    }

    /// The same flow with `work`, which shows the progress of its computations and can stop them.
    #[must_use]
    pub fn with_work(self, work: Work) -> Self {
        Self { engine: self.engine.with_work(work) }
    }

    /// The same flow, with TF32 allowed or forbidden on NVIDIA GPUs; a flow starts without ([`Engine::with_tf32`]).
    #[must_use]
    pub fn with_tf32(self, tf32: bool) -> Self {
        Self { engine: self.engine.with_tf32(tf32) }
    }

    /// The same flow with this number of CPU threads for each tensor operation ([`Engine::with_threads`]).
    ///
    /// ```
    /// # fn main() -> interflow_flow::Result<()> {
    /// # use interflow_core::target::DensityConfig;
    /// # use interflow_flow::{Experiment, ExperimentConfig};
    /// use interflow_flow::Threads;
    ///
    /// # let mut config = ExperimentConfig::synthetic("moons", DensityConfig::TwoMoons {});
    /// # (config.train.steps, config.train.n_validation) = (2, 100);
    /// # let flow = Experiment::new(config).train()?.into_flow();
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

    /// The same flow with another solver.
    ///
    /// # Errors
    /// If a setting is out of range.
    pub fn with_solver(self, solver: SolverConfig) -> Result<Self> {
        Ok(Self { engine: self.engine.with_solver(solver)? })
    }

    /// The same flow with this seed of base points and probes instead of the one of its training.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self { engine: self.engine.with_seed(seed) }
    }

    /// The columns of the target's table, including those that are conditions; `None` if the target is no table.
    pub fn columns(&self) -> Option<&Columns> {
        self.manifest().target.columns.as_ref()
    }

    /// Draws `n` samples of the target, `[n, D]`. A flow with classes takes the classes in turn; for one with numbers
    /// as conditions use [`Flow::sample_with`].
    ///
    /// # Errors
    /// If the base is known by its data only, conditions are missing, the solver fails, or the work is cancelled.
    pub fn sample(&self, n: u64, seed: u64) -> Result<Tensor> {
        Ok(self.sample_with(n, &SampleOptions::default().seed(seed))?.points.x)
    }

    /// Draws `n` samples of the target as `options` say.
    ///
    /// # Errors
    /// As [`Flow::sample`], and if an option does not fit the flow.
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
                self.engine.jump(&start, 0.0, 1.0, calls, &task)?
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

    /// Carries points of the target `[N, D]` to the base, `[N, D]`.
    ///
    /// # Errors
    /// As [`Flow::carry`].
    pub fn encode(&self, points: &impl AsPoints) -> Result<Tensor> {
        self.carry(points, 1.0, 0.0)
    }

    /// Carries points of the base `[N, D]` to the target, `[N, D]`: the inverse of [`Flow::encode`].
    ///
    /// # Errors
    /// As [`Flow::carry`].
    pub fn decode(&self, points: &impl AsPoints) -> Result<Tensor> {
        self.carry(points, 0.0, 1.0)
    }

    /// Carries points `[N, D]` along the flow from time `from` to time `to`, `[N, D]`.
    ///
    /// At t = 0 points are in the units of the base, at t = 1 in those of the data, where the values of dequantised
    /// columns and the levels of images are whole numbers. In between they are in the units of the target's columns
    /// if these are only shifted and scaled, or else in the flow's own coordinates. [`Flow::log_density`] and
    /// [`Flow::score`] use the same units.
    ///
    /// # Errors
    /// If the points do not fit the flow, a row has a value that its column cannot have, a time lies outside [0, 1],
    /// the solver fails, or the work is cancelled.
    pub fn carry(&self, points: &impl AsPoints, from: f64, to: f64) -> Result<Tensor> {
        Ok(self.carry_with(points, from, to, &CarryOptions::default())?.rows)
    }

    /// The log-density `log ρ_t` of points `[N, D]` at time `t`, `[N]` in nats, given their conditions if they have
    /// some. For images at t = 1 it is a lower bound on the log-probability of their levels, by one draw of the
    /// dequantisation noise; discrete values of tables are taken at the middle of their cells ([`DensityOptions::draws`]).
    ///
    /// # Errors
    /// As [`Flow::carry`], except that a row with a value that its column cannot have has the log-density −∞;
    /// [`crate::Error::Refused`] for a base without a density in closed form.
    pub fn log_density(&self, points: &impl AsPoints, t: f64) -> Result<Tensor> {
        Ok(self.log_density_with(points, t, &DensityOptions::default())?.rows)
    }

    /// The score `∇log ρ_t` of points `[N, D]` at time `t`, `[N, D]`. It needs the base N(0, I) with the independent
    /// coupling, or a denoiser.
    ///
    /// # Errors
    /// If the score is not known ([`FlowPath::score`]), the rows are whitened, or a row has a value that its column
    /// cannot have.
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
        let found = self.engine.carry_by(&points, t, t, &task, |batch, _first| {
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

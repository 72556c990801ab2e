//! A trained flow in the data's units.
//!
//! At t = 1 states are what the data are: rows of a table in the units of its file (integers where a column was
//! dequantised), or levels of an image's pixels. At t = 0 they are the base's: standard normal numbers, or the rows of its
//! table. In between a table's states are on the columns' scale.

use std::path::Path;

use interflow_core::guidance::{Observation, Observed};
use interflow_core::{Given, GivenSpace, Points, Space, VectorField as _};
use interflow_data::Columns;
use interflow_train::Checkpoint;
use tch::{Device, Kind, Tensor};

use crate::checkpoint;
use crate::engine::Engine;
use crate::error::{During as _, Error, Result, refuse};
use crate::images::Levels;
use crate::manifest::FlowManifest;
use crate::path::{FlowPath, check_time};
use crate::sample::{SampleOptions, Samples};
use crate::work::Work;

/// A trained flow: samples, encodings, log-densities and scores, in the data's units.
///
/// Points may be a tensor `[N, D]` or, for a flow that is given something, [`Points`] with their conditions.
///
/// ```no_run
/// # fn main() -> interflow_flow::Result<()> {
/// let flow = interflow_flow::Flow::load("runs/checkerboard")?;
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
        let given = self.given_of_samples(n, options)?;
        let mut path = FlowPath::new(&self.engine, options.along)?.with_guidance(options.guidance);
        if !options.observed.is_empty() {
            path = path.observing(self.observed(&options.observed)?)?;
        }
        let kind = self.manifest().precision.kind();
        let x0 = self.engine.base().sample(options.first, n as i64, seed, kind)?;
        let start = Points { x: x0, given };
        let task = self.engine.work().begin("sample", n);
        let found = match &options.noise {
            None => path.carry(&start, &task)?,
            Some(noise) => path.diffuse(&start, noise, seed, &task)?,
        };
        let x = self.leave_target(&found.rows)?;
        let given = if options.given.is_nothing() {
            self.restore_given(&start.given)?
        } else {
            // The caller's own values, free of rounding.
            options.given.shallow_clone()
        };
        Ok(Samples { points: Points { x, given }, nfe: found.nfe })
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
    /// # Errors
    /// If the points are not the flow's, a time lies outside [0, 1], the solver fails, or the work is cancelled.
    pub fn carry(&self, points: &impl AsPoints, from: f64, to: f64) -> Result<Tensor> {
        check_time(from)?;
        check_time(to)?;
        let points = self.enter(&points.points(), from)?;
        let task = self.engine.work().begin("carry", points.len().unsigned_abs());
        let found = self.engine.carry(&points, (from, to), &task)?;
        if to > 0.0 { self.leave_target(&found.rows) } else { self.leave_base(&found.rows) }
    }

    /// `log ρ_t` in nats at points, `[N]`: given their conditions, where they have some. For images at t = 1 it is a lower
    /// bound on the log-probability of their levels, by one draw of the noise that dequantises them.
    ///
    /// # Errors
    /// As [`Flow::carry`]; [`Error::Refused`] for a base that is known by samples only.
    pub fn log_density(&self, points: &impl AsPoints, t: f64) -> Result<Tensor> {
        check_time(t)?;
        let points = points.points();
        let levels = self.levels().filter(|levels| levels.are_levels(&points.x));
        let entered = self.enter(&points, t)?;
        let task = self.engine.work().begin("log-density", entered.len().unsigned_abs());
        let log_density = self.engine.log_density(&entered, t, &task)?.rows;
        let log_jacobian = match levels {
            Some(levels) => levels.log_jacobian(),
            None => self.columns().map_or(0.0, Columns::log_jacobian),
        };
        Ok(log_density + log_jacobian)
    }

    /// The score `∇log ρ_t` at points, `[N, D]`, for a flow with a Gaussian base or with a denoiser.
    ///
    /// # Errors
    /// Where the score is not told ([`FlowPath::score`]), or the rows are whitened.
    pub fn score(&self, points: &impl AsPoints, t: f64) -> Result<Tensor> {
        if self.engine.whitening().is_some() {
            return refuse(
                "the path of whitened rows is not in the rows' units, and neither is its score\n\
                 hint: train with whiten = false",
            );
        }
        let points = self.engine.admit(&self.enter(&points.points(), t)?)?;
        let path = FlowPath::new(&self.engine, None)?;
        let task = self.engine.work().begin("score", points.len().unsigned_abs());
        let found = self.engine.carry_by(&points, (t, t), &task, |batch, _first| {
            let score = path.score(t, &batch.given)?;
            let times = batch.x.select(1, 0).full_like(t);
            Ok((tch::no_grad(|| score.value(&times, &batch.x)), 1))
        })?;
        let score = found.rows.to_kind(Kind::Double).to_device(Device::Cpu);
        Ok(match self.columns() {
            // A derivative by a column is divided by the column's scale.
            Some(columns) => score / Tensor::from_slice(&deviations(columns)),
            None => score,
        })
    }

    /// The conditions of samples in the flow's coordinates.
    fn given_of_samples(&self, n: u64, options: &SampleOptions) -> Result<Given> {
        match (self.space().given, &options.given) {
            (GivenSpace::Class { n_classes }, Given::Nothing) => {
                let first = options.first as i64;
                let numbers = Tensor::arange_start(first, first + n as i64, (Kind::Int64, Device::Cpu));
                Ok(Given::Class(numbers.remainder(n_classes)))
            }
            (GivenSpace::Numbers { .. }, Given::Nothing) => {
                let names = self.columns().map_or_else(Vec::new, Columns::given_names);
                refuse(format!("the flow's samples need conditions: {}", names.join(", ")))
            }
            (GivenSpace::Nothing {}, Given::Nothing) => Ok(Given::Nothing),
            (space, given) => {
                given.check("the conditions of samples", space, n as i64)?;
                self.standardise_given(given)
            }
        }
    }

    fn standardise_given(&self, given: &Given) -> Result<Given> {
        match (self.columns(), given) {
            (Some(columns), Given::Numbers(numbers)) => Ok(columns.standardise_given(numbers)?),
            _ => Ok(given.shallow_clone()),
        }
    }

    fn restore_given(&self, given: &Given) -> Result<Given> {
        match (self.columns(), given) {
            (Some(columns), Given::Numbers(numbers)) => Ok(Given::Numbers(columns.restore_given(numbers)?)),
            _ => Ok(given.shallow_clone()),
        }
    }

    /// Observations in the data's units as ones of the flow's coordinates.
    fn observed(&self, observations: &[Observation]) -> Result<Observed> {
        let dim = self.space().dim;
        let scales: Vec<(f64, f64)> = self.columns().map_or_else(
            || vec![(0.0, 1.0); dim as usize],
            |columns| columns.states().map(|column| (column.mean, column.deviation)).collect(),
        );
        let scaled = |one: &Observation| -> Result<Observation> {
            let place = usize::try_from(one.coordinate).ok().and_then(|place| scales.get(place));
            let (mean, deviation) = place.ok_or_else(|| {
                Error::refused(format!("the flow has {dim} coordinates, observed: {}", one.coordinate))
            })?;
            if !(one.std > 0.0 && one.std.is_finite() && one.value.is_finite()) {
                return refuse(format!(
                    "an observation wants a finite value and a positive deviation, found: {} ~ {}",
                    one.value, one.std
                ));
            }
            let value = (one.value - mean) / deviation;
            Ok(Observation { coordinate: one.coordinate, value, std: one.std / deviation })
        };
        Ok(Observed(observations.iter().map(scaled).collect::<Result<_>>()?))
    }

    /// The levels of the images that the states are.
    fn levels(&self) -> Option<Levels> {
        self.manifest().target.images.map(Levels::new)
    }

    /// Points of time `t` in the data's units as the flow's coordinates.
    fn enter(&self, points: &Points, t: f64) -> Result<Points> {
        if let Some(levels) = self.levels().filter(|levels| t >= 1.0 && levels.are_levels(&points.x)) {
            let x = levels.dequantise(&points.x, self.engine.seed())?;
            return Ok(Points { x, given: points.given.shallow_clone() });
        }
        self.space().check("the flow", &points.x, &points.given)?;
        let columns = if t > 0.0 { self.columns() } else { self.manifest().base_columns() };
        let Some(columns) = columns else { return Ok(points.shallow_clone()) };
        let x = points.x.to_device(Device::Cpu).to_kind(Kind::Double);
        let rows = match &points.given {
            Given::Numbers(given) if t > 0.0 => Tensor::cat(&[&given.to_kind(Kind::Double), &x], 1),
            _ => x,
        };
        let entered = columns.standardise(&rows)?;
        if t > 0.0 {
            return Ok(entered);
        }
        Ok(Points { x: entered.x, given: self.standardise_given(&points.given)? })
    }

    /// The flow's states on the path or at its end in the data's units.
    fn leave_target(&self, x: &Tensor) -> Result<Tensor> {
        match (self.columns(), self.levels()) {
            (Some(columns), _) => Ok(columns.restore(x)?),
            (None, Some(levels)) => Ok(levels.quantise(x)),
            (None, None) => Ok(x.shallow_clone()),
        }
    }

    /// The flow's states at t = 0 in the base's units.
    fn leave_base(&self, x: &Tensor) -> Result<Tensor> {
        match self.manifest().base_columns() {
            Some(columns) => Ok(columns.restore(x)?),
            None => Ok(x.shallow_clone()),
        }
    }
}

impl From<Engine> for Flow {
    fn from(engine: Engine) -> Self {
        Self { engine }
    }
}

/// The scales of the state columns.
fn deviations(columns: &Columns) -> Vec<f64> {
    columns.states().map(|column| column.deviation).collect()
}

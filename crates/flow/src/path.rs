//! A trained flow along a path of one's choice: along another interpolant, with noise, or given observations or a
//! class.

use interflow_core::class_guidance::ClassGuided;
use interflow_core::conversion::Conversion;
use interflow_core::density::StandardNormal;
use interflow_core::guidance::Observed;
use interflow_core::interpolant::{Interpolant, InterpolantConfig, ScheduleKind};
use interflow_core::number::Shown;
use interflow_core::{Denoiser, Given, Points, VectorField, Velocity};
use interflow_solvers::{
    BrownianPath, Diffusion, DiffusionConfig, DiffusionShape, ScoreSource, Sde, SdeConfig, log_density_bound,
};

use crate::engine::{Computed, Engine};
use crate::error::{During as _, Error, Result, refuse};
use crate::manifest::Pairing;
use crate::work::Task;

/// The stochastic equation `dX = (v + ε s) dt + √(2ε) dW`, which has the same marginals `ρ_t` as the flow, and its
/// solver.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// # use interflow_flow::{Experiment, ExperimentConfig};
/// # let moons = interflow_core::target::DensityConfig::TwoMoons {};
/// # let mut config = ExperimentConfig::synthetic("moons", moons);
/// # (config.train.steps, config.train.n_validation) = (2, 100);
/// # let flow = Experiment::new(config).train()?.into_flow();
/// use interflow_flow::{NoiseConfig, SampleOptions};
/// use interflow_solvers::{DiffusionConfig, DiffusionShape, SdeConfig};
///
/// let noise = NoiseConfig {
///     diffusion: DiffusionConfig { shape: DiffusionShape::Regular, strength: 1.0 },
///     solver: SdeConfig { steps: 8, ..SdeConfig::default() },
/// };
/// let samples = flow.sample_with(20, &SampleOptions::default().noise(noise))?;
/// assert_eq!(samples.points.x.size(), [20, 2]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoiseConfig {
    /// The diffusion: the strength ε(t) of the noise.
    pub diffusion: DiffusionConfig,
    /// The method and its number of steps.
    pub solver: SdeConfig,
}

/// A flow along an interpolant between its base and target: its own or, by rescaling of time and space, another.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// # use interflow_flow::{Experiment, ExperimentConfig};
/// # let moons = interflow_core::target::DensityConfig::TwoMoons {};
/// # let mut config = ExperimentConfig::synthetic("moons", moons);
/// # (config.train.steps, config.train.n_validation) = (2, 100);
/// # let flow = Experiment::new(config).train()?.into_flow();
/// use interflow_core::interpolant::ScheduleKind;
/// use interflow_core::{Given, VectorField};
/// use interflow_flow::FlowPath;
/// use tch::{Device, Kind, Tensor};
///
/// // The same flow along the straight line, trained along the trigonometric path.
/// let path = FlowPath::new(flow.engine(), Some(ScheduleKind::Linear))?;
/// let velocity = path.velocity(&Given::Nothing)?;
/// let (t, x) = (Tensor::from_slice(&[0.5f32]), Tensor::zeros([1, 2], (Kind::Float, Device::Cpu)));
/// assert_eq!(velocity.value(&t, &x).size(), [1, 2]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FlowPath<'a> {
    engine: &'a Engine,
    /// Another path than the flow's own.
    along: Option<InterpolantConfig>,
    observed: Option<Observed>,
    /// The weight of classifier-free guidance.
    guidance: Option<f64>,
}

impl<'a> FlowPath<'a> {
    /// The flow along the interpolant `schedule`; along its own without one.
    ///
    /// # Errors
    /// If the flow's own path, or the one asked for, cannot be rescaled ([`Velocity::rescaled`]).
    pub fn new(engine: &'a Engine, schedule: Option<ScheduleKind>) -> Result<Self> {
        let along = schedule
            .filter(|kind| engine.schedule() != Some(*kind))
            .map(|kind| InterpolantConfig { kind, gamma: None });
        let path = Self { engine, along, observed: None, guidance: None };
        // A path that cannot be rescaled is refused here, not in the first batch.
        path.velocity(&Given::Nothing).map(drop)?;
        Ok(path)
    }

    /// The path that leads to the law of the target given an observation, approximately
    /// ([`interflow_core::guidance`]).
    ///
    /// # Errors
    /// If the score does not follow from the velocity, see [`FlowPath::conversion_of_velocity`]; for a path with a
    /// latent; or for whitened rows, whose coordinates are not those that were observed.
    pub fn observing(self, observed: Observed) -> Result<Self> {
        if self.engine.whitening().is_some() {
            return refuse(
                "the coordinates of whitened rows cannot be observed\nhint: train with whiten = false",
            );
        }
        let _ = self
            .conversion_of_velocity()?
            .guided(Velocity(Nowhere(self.engine.space().dim)), observed.clone())?;
        Ok(Self { observed: Some(observed), ..self })
    }

    /// The path with classifier-free guidance of this weight ([`ClassGuided`]); a weight of 1 leaves it as it is.
    #[must_use]
    pub fn with_guidance(self, weight: Option<f64>) -> Self {
        Self { guidance: weight, ..self }
    }

    /// The velocity along the path for a batch with the conditions `given`.
    ///
    /// # Errors
    /// As [`FlowPath::new`] and [`FlowPath::observing`]; [`Error::Refused`] for guidance of a flow without classes.
    pub fn velocity(&self, given: &Given) -> Result<Box<dyn VectorField + 'a>> {
        let network = self.engine.network();
        let own: Box<dyn VectorField + 'a> = match (self.guidance, given) {
            (Some(weight), Given::Class(class)) => Box::new(ClassGuided::new(network, class, weight)?),
            (Some(_), _) => return refuse("guidance by class needs a flow with classes\nhint: leave it out"),
            (None, _) => Box::new(network.at(given)),
        };
        let rescaled: Box<dyn VectorField + 'a> = match &self.along {
            None => own,
            Some(along) => Box::new(Velocity(own).rescaled(self.engine.interpolant()?, along.build()?)?),
        };
        match &self.observed {
            None => Ok(rescaled),
            Some(observed) => {
                let guided = self.conversion_of_velocity()?.guided(Velocity(rescaled), observed.clone())?;
                Ok(Box::new(guided))
            }
        }
    }

    /// The path's interpolant.
    fn interpolant(&self) -> Result<Interpolant> {
        match &self.along {
            None => self.engine.interpolant(),
            Some(along) => Ok(along.build()?),
        }
    }

    /// The relations between velocity, score and denoiser along the path. With a learned denoiser any base will do,
    /// because the score follows from it alone; only the interpolant of the result is then of use.
    ///
    /// # Errors
    /// As [`FlowPath::conversion_of_velocity`].
    pub fn conversion(&self) -> Result<Conversion> {
        if self.engine.denoiser().is_some() {
            let base = StandardNormal { dim: self.engine.space().dim };
            return Ok(Conversion::new(self.interpolant()?, base)?);
        }
        self.conversion_of_velocity()
    }

    /// The relations by which the path's score follows from its velocity.
    ///
    /// # Errors
    /// [`Error::Refused`] unless the base is N(0, I) and was paired independently.
    pub fn conversion_of_velocity(&self) -> Result<Conversion> {
        if !self.engine.base().is_standard_normal() {
            return refuse(
                "a score follows from the velocity for the base standard-normal only\n\
                 hint: for other bases train a [denoiser] too",
            );
        }
        if self.engine.manifest().pairing != Pairing::Independent {
            return refuse(
                "a score follows from the velocity for the independent coupling only\n\
                 hint: for other couplings train a [denoiser] too",
            );
        }
        let base = StandardNormal { dim: self.engine.space().dim };
        Ok(Conversion::new(self.interpolant()?, base)?)
    }

    /// The score at time `t` of points with the conditions `given`: from the denoiser if one was learned, or else
    /// from the velocity.
    ///
    /// # Errors
    /// If the score is not known, see [`FlowPath::conversion`], or if `t` is too near an end.
    pub fn score(&self, t: f64, given: &Given) -> Result<Box<dyn VectorField + 'a>> {
        let conversion = self.conversion()?;
        let told = "cannot take the score at this time\nhint: at the end only ε s is regular: sample --sde";
        if let Some(denoiser) = self.engine.denoiser() {
            conversion.check_denoiser_time(t).during(told)?;
            return Ok(Box::new(conversion.score_of_denoiser(Denoiser(denoiser.at(given)))?));
        }
        conversion.check_score_time(t).during(told)?;
        Ok(Box::new(conversion.score(Velocity(self.velocity(given)?))))
    }

    /// The shape of ε(t) with which the stochastic equation is regular up to both ends.
    pub fn regular_shape(&self) -> DiffusionShape {
        if self.engine.denoiser().is_some() { DiffusionShape::Gamma } else { DiffusionShape::Regular }
    }

    /// Carries base points, states `[N, D]`, to the target, `[N, D]`.
    ///
    /// # Errors
    /// As [`Engine::carry`].
    pub fn carry(&self, points: &Points, task: &Task) -> Result<Computed> {
        self.engine.carry_by(points, 0.0, 1.0, task, |batch, _first| {
            let velocity = self.velocity(&batch.given)?;
            let solution = self.engine.solver().solve(&velocity, &batch.x, 0.0, 1.0)?;
            Ok((solution.x, solution.statistics.nfe))
        })
    }

    /// Carries base points, states `[N, D]`, to the target by the stochastic equation, `[N, D]`. The noise of row i
    /// is that of the sample with number i, under `seed`.
    ///
    /// # Errors
    /// As [`Engine::carry`], and if the path's score is not known ([`FlowPath::conversion`]).
    pub fn diffuse(&self, points: &Points, noise: &NoiseConfig, seed: u64, task: &Task) -> Result<Computed> {
        let (diffusion, solver) = (noise.diffusion.build(&self.conversion()?)?, noise.solver.build()?);
        self.engine.carry_by(points, 0.0, 1.0, task, |batch, first| {
            let fields = self.fields(&batch.given)?;
            let path = BrownianPath::new(seed, first);
            let solution = solver.solve(&fields.equation(&diffusion), &path, &batch.x, 0.0, 1.0)?;
            Ok((solution.x, solution.statistics.nfe))
        })
    }

    /// A lower bound on the log-density, `[N]` in nats, of the stochastic equation's samples at points of the target,
    /// states `[N, D]`, estimated with one Brownian path each.
    ///
    /// # Errors
    /// As [`FlowPath::diffuse`]; [`Error::Refused`] for a base without a density in closed form.
    pub fn log_density_bound(
        &self,
        points: &Points,
        noise: &NoiseConfig,
        seed: u64,
        task: &Task,
    ) -> Result<Computed> {
        let density = self.engine.base_density()?;
        let (diffusion, solver) = (noise.diffusion.build(&self.conversion()?)?, noise.solver.build()?);
        self.engine.log_density_by(points, 1.0, task, |batch, first| {
            let fields = self.fields(&batch.given)?;
            let path = BrownianPath::new(seed, first);
            let sde = fields.equation(&diffusion);
            let found = log_density_bound(&solver, &sde, &*density, &path, &batch.x, 1.0)?;
            Ok((found.log_density, found.statistics.nfe))
        })
    }

    /// The fields of the stochastic equation for a batch that is given `given`.
    fn fields(&self, given: &Given) -> Result<Fields<'a>> {
        let denoiser = self
            .engine
            .denoiser()
            .map(|denoiser| -> Box<dyn VectorField + 'a> { Box::new(denoiser.at(given)) });
        Ok(Fields { velocity: self.velocity(given)?, denoiser })
    }
}

/// A velocity and, where one was learned, the denoiser beside it.
struct Fields<'a> {
    velocity: Box<dyn VectorField + 'a>,
    denoiser: Option<Box<dyn VectorField + 'a>>,
}

impl Fields<'_> {
    fn equation<'b>(&'b self, diffusion: &'b Diffusion) -> Sde<'b> {
        let score =
            self.denoiser.as_ref().map_or(ScoreSource::Velocity, |field| ScoreSource::Denoiser(field));
        Sde { velocity: &*self.velocity, score, diffusion }
    }
}

/// A field that stands for any other of its dimension where only the path matters.
struct Nowhere(i64);

impl VectorField for Nowhere {
    fn dim(&self) -> i64 {
        self.0
    }

    fn value(&self, _t: &tch::Tensor, x: &tch::Tensor) -> tch::Tensor {
        x.zeros_like()
    }
}

/// Refuses a time outside [0, 1].
///
/// # Errors
/// [`Error::Refused`] naming the time.
pub fn check_time(time: f64) -> Result<()> {
    if (0.0..=1.0).contains(&time) {
        return Ok(());
    }
    Err(Error::refused(format!("a path has times from 0 (base) to 1 (target), found: {}", Shown(time))))
}

//! A trained flow along a path of one's choice, with or without noise.

use anyhow::{Context, Result, bail};
use interflow_core::conversion::Conversion;
use interflow_core::density::{ConditionalNormal, StandardNormal};
use interflow_core::guidance::Observed;
use interflow_core::interpolant::{Interpolant, InterpolantConfig, ScheduleKind};
use interflow_core::{Denoiser, VectorField, Velocity};
use interflow_solvers::{
    BrownianPath, Diffusion, DiffusionConfig, DiffusionShape, ScoreSource, Sde, SdeConfig, log_density_bound,
};
use interflow_transport::CouplingConfig;
use tch::Tensor;

use crate::end::End;
use crate::flow::Flow;

/// A stochastic equation and its solver.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoiseConfig {
    /// The strength ε(t).
    pub(crate) diffusion: DiffusionConfig,
    /// The method and its steps.
    pub(crate) solver: SdeConfig,
}

/// A flow along an interpolant between its ends: its own, or another by rescaling time and space.
pub(crate) struct FlowPath<'a> {
    flow: &'a Flow,
    /// Another path than the flow's own.
    along: Option<InterpolantConfig>,
    velocity: Box<dyn VectorField + 'a>,
}

impl<'a> FlowPath<'a> {
    /// The flow along `schedule`, or along its own path.
    pub(crate) fn new(flow: &'a Flow, schedule: Option<ScheduleKind>) -> Result<Self> {
        let velocity = &flow.velocity;
        let is_own = |kind: &ScheduleKind| *kind == flow.config.interpolant.kind && flow.path.is_none();
        let Some(kind) = schedule.filter(|kind| !is_own(kind)) else {
            return Ok(Self { flow, along: None, velocity: Box::new(velocity) });
        };
        if flow.config.n_given() > 0 {
            bail!(
                "a flow with conditions keeps to its own path: rescaling space would change the conditions"
            );
        }
        let interpolant = InterpolantConfig { kind, gamma: None };
        let rescaled = Velocity(velocity).rescaled(flow.interpolant()?, interpolant.build()?)?;
        Ok(Self { flow, along: Some(interpolant), velocity: Box::new(rescaled) })
    }

    /// The path to the law of the target given an observation, approximately ([`interflow_core::guidance`]).
    ///
    /// # Errors
    /// Where the velocity does not tell a score, see [`FlowPath::conversion_of_velocity`]; for a path with a latent,
    /// or whitened rows, whose coordinates are not those that were observed.
    pub(crate) fn guided(self, base: &End, observed: Observed) -> Result<Self> {
        if self.flow.whitening.is_some() {
            bail!("the coordinates of whitened rows cannot be observed\nhint: train with whiten = false");
        }
        let guided = self.conversion_of_velocity(base)?.guided(Velocity(self.velocity), observed)?;
        Ok(Self { velocity: Box::new(guided), ..self })
    }

    /// The velocity along the path.
    pub(crate) fn velocity(&self) -> &(dyn VectorField + 'a) {
        self.velocity.as_ref()
    }

    /// The path's interpolant.
    fn interpolant(&self) -> Result<Interpolant> {
        self.along.as_ref().map_or_else(|| self.flow.interpolant(), |along| Ok(along.build()?))
    }

    /// The learned denoiser, if there is one; a flow with a latent keeps to its own path.
    pub(crate) fn denoiser(&self) -> Option<&'a dyn VectorField> {
        self.flow.velocity.denoiser().map(|denoiser| denoiser as &dyn VectorField)
    }

    /// The relations between the path's fields.
    ///
    /// With a denoiser the score needs no relation to the velocity, and any base will do: what is left of the
    /// conversion is its interpolant.
    pub(crate) fn conversion(&self, base: &End) -> Result<Conversion> {
        if self.denoiser().is_some() {
            if base.n_given() + self.flow.config.units.n_given() > 0 {
                bail!("a score is told for flows without conditions only");
            }
            return Ok(Conversion::new(self.interpolant()?, StandardNormal { dim: base.dim() })?);
        }
        self.conversion_of_velocity(base)
    }

    /// How the path's score follows from its velocity.
    pub(crate) fn conversion_of_velocity(&self, base: &End) -> Result<Conversion> {
        let End::Normal(ConditionalNormal { n_given: 0, normal }) = base else {
            bail!(
                "a score follows from the velocity for the base standard-normal only, without conditions\n\
                 hint: for other bases train a [denoiser] too"
            );
        };
        if !matches!(self.flow.config.coupling, CouplingConfig::Independent {}) {
            bail!(
                "a score follows from the velocity for the independent coupling only\n\
                 hint: for other couplings train a [denoiser] too"
            );
        }
        Ok(Conversion::new(self.interpolant()?, *normal)?)
    }

    /// The score at time `t`: the denoiser's, where one was learned, else the velocity's.
    ///
    /// # Errors
    /// Where the score is not told: see [`FlowPath::conversion`]; and at times too near an end.
    pub(crate) fn score(&self, base: &End, t: f64) -> Result<Box<dyn VectorField + '_>> {
        let conversion = self.conversion(base)?;
        let told = "cannot take the score at this time\nhint: at the end only ε s is regular: sample --sde";
        if let Some(denoiser) = self.denoiser() {
            conversion.check_denoiser_time(t).context(told)?;
            return Ok(Box::new(conversion.score_of_denoiser(Denoiser(denoiser))?));
        }
        conversion.check_score_time(t).context(told)?;
        Ok(Box::new(conversion.score(Velocity(self.velocity()))))
    }

    /// The shape of a strength with which the noise is regular up to the ends.
    pub(crate) fn regular_shape(&self) -> DiffusionShape {
        if self.denoiser().is_some() { DiffusionShape::Gamma } else { DiffusionShape::Regular }
    }

    /// Carries points from the base to the target; `tick` is told of each finished batch.
    pub(crate) fn carry(&self, x: &Tensor, tick: impl FnMut(u64)) -> Result<(Tensor, u64)> {
        let solve = |batch: &Tensor, _first| Ok(self.flow.solver.solve(self.velocity(), batch, 0.0, 1.0)?);
        self.flow.in_batches(x, (0.0, 1.0), solve, tick)
    }

    /// Carries the points of the samples 0, 1, … from the base to the target by the stochastic equation.
    pub(crate) fn diffuse(
        &self,
        base: &End,
        noise: &NoiseConfig,
        seed: u64,
        x: &Tensor,
        tick: impl FnMut(u64),
    ) -> Result<(Tensor, u64)> {
        let (diffusion, solver) = (noise.diffusion.build(&self.conversion(base)?)?, noise.solver.build()?);
        let sde = self.equation(&diffusion);
        let solve = |batch: &Tensor, first| {
            let path = BrownianPath::new(seed, first);
            Ok(solver.solve(&sde, &path, batch, (0.0, 1.0))?)
        };
        self.flow.in_batches(x, (0.0, 1.0), solve, tick)
    }

    /// A lower bound, by one path each, on the log-density of the stochastic equation's samples at points `x`, `[B]`.
    pub(crate) fn log_density_bound(
        &self,
        base: &End,
        noise: &NoiseConfig,
        seed: u64,
        x: &Tensor,
        tick: impl FnMut(u64),
    ) -> Result<(Tensor, u64)> {
        let Some(density) = base.density() else {
            bail!("a bound on the likelihood needs the base's density in closed form");
        };
        let (diffusion, solver) = (noise.diffusion.build(&self.conversion(base)?)?, noise.solver.build()?);
        let sde = self.equation(&diffusion);
        let bound = |batch: &Tensor, first| {
            let path = BrownianPath::new(seed, first);
            let found = log_density_bound(&solver, &sde, density, &path, (batch, 1.0))?;
            Ok((found.log_density, found.statistics.nfe))
        };
        self.flow.log_density_by(x, 1.0, bound, tick)
    }

    /// The stochastic equation with the path's marginals.
    fn equation<'b>(&'b self, diffusion: &'b Diffusion) -> Sde<'b> {
        let score = self.denoiser().map_or(ScoreSource::Velocity, ScoreSource::Denoiser);
        Sde { velocity: self.velocity(), score, diffusion }
    }
}

/// Refuses a time beyond the path's ends.
pub(crate) fn check_time(time: f64) -> Result<()> {
    if !(0.0..=1.0).contains(&time) {
        bail!("a path has times from 0 (base) to 1 (target), found: {time}");
    }
    Ok(())
}

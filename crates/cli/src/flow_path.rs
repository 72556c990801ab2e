//! A trained flow along a path of one's choice, with or without noise.

use anyhow::{Result, bail};
use interflow_core::conversion::Conversion;
use interflow_core::density::ConditionalNormal;
use interflow_core::interpolant::{Interpolant, InterpolantConfig, ScheduleKind};
use interflow_core::{VectorField, Velocity};
use interflow_solvers::{BrownianPath, DiffusionConfig, Sde, SdeConfig};
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
        if flow.config.units.n_given() > 0 {
            bail!(
                "a flow with conditions keeps to its own path: rescaling space would change the conditions"
            );
        }
        let interpolant = InterpolantConfig { kind, gamma: None };
        let rescaled = Velocity(velocity).rescaled(flow.interpolant()?, interpolant.build()?)?;
        Ok(Self { flow, along: Some(interpolant), velocity: Box::new(rescaled) })
    }

    /// The velocity along the path.
    pub(crate) fn velocity(&self) -> &(dyn VectorField + 'a) {
        self.velocity.as_ref()
    }

    /// How the path's score follows from its velocity.
    pub(crate) fn conversion(&self, base: &End) -> Result<Conversion> {
        let End::Normal(ConditionalNormal { n_given: 0, normal }) = base else {
            bail!("a score follows from the velocity for the base standard-normal only, without conditions");
        };
        if !matches!(self.flow.config.coupling, CouplingConfig::Independent {}) {
            bail!("a score follows from the velocity for the independent coupling only");
        }
        let interpolant = self.along.as_ref().map_or_else(|| self.flow.interpolant(), built)?;
        Ok(Conversion::new(interpolant, *normal)?)
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
        let diffusion = noise.diffusion.build(&self.conversion(base)?)?;
        let solver = noise.solver.build()?;
        let sde = Sde { velocity: self.velocity(), score: None, diffusion: &diffusion };
        let solve = |batch: &Tensor, first| {
            let path = BrownianPath::new(seed, first);
            Ok(solver.solve(&sde, &path, batch, (0.0, 1.0))?)
        };
        self.flow.in_batches(x, (0.0, 1.0), solve, tick)
    }
}

fn built(config: &InterpolantConfig) -> Result<Interpolant> {
    Ok(config.build()?)
}

/// Refuses a time beyond the path's ends.
pub(crate) fn check_time(time: f64) -> Result<()> {
    if !(0.0..=1.0).contains(&time) {
        bail!("a path has times from 0 (base) to 1 (target), found: {time}");
    }
    Ok(())
}

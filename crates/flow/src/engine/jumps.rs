//! The flow in a few network calls: a flow map jumps where a solver would take many steps.

use interflow_core::Points;
use interflow_core::flow_map::FlowMap;

use super::{Computed, Engine};
use crate::error::{Error, Result, refuse};
use crate::work::Task;

impl Engine {
    /// The network as a flow map, which jumps from one time to another in one call.
    ///
    /// # Errors
    /// [`Error::Refused`] if the network is a velocity only.
    pub fn flow_map(&self) -> Result<&dyn FlowMap> {
        self.network.flow_map().ok_or_else(|| {
            Error::refused(
                "a number of calls needs a flow map, and the flow's network knows its velocity only\n\
                 hint: leave the calls out, or train with [objective] kind = \"flow-map\" and a table [model.flow_map]",
            )
        })
    }

    /// As [`Engine::carry`], but in `calls` jumps of a flow map instead of a solver's steps. The jumps divide the
    /// time evenly, and each is one call of the network.
    ///
    /// # Errors
    /// [`Error::Refused`] if the network is no flow map or `calls` is 0; if the points do not fit the flow, or the
    /// work is cancelled.
    pub fn jump(&self, points: &Points, from: f64, to: f64, calls: u32, task: &Task) -> Result<Computed> {
        check_calls(calls)?;
        let map = self.flow_map()?;
        self.carry_by(points, from, to, task, |batch, _first| {
            Ok((map.carry(&batch.x, &batch.given, from, to, calls).x, u64::from(calls)))
        })
    }

    /// As [`Engine::log_density`], but in `calls` jumps of a flow map. It takes no derivatives: the map has learned
    /// by how much a jump changes the log-density.
    ///
    /// # Errors
    /// As [`Engine::jump`]; [`Error::Refused`] for a base without a density in closed form, or for a map that was
    /// trained without divergences.
    pub fn jump_log_density(&self, points: &Points, t: f64, calls: u32, task: &Task) -> Result<Computed> {
        check_calls(calls)?;
        let (map, base) = (self.flow_map()?, self.base_density()?);
        if !map.has_divergence() {
            return refuse(
                "log-densities in few calls need a flow map that has learned divergences\n\
                 hint: leave the calls out, or give [model.flow_map] a divergence_width and train",
            );
        }
        self.log_density_by(points, t, task, |batch, _first| {
            let landing = map.carry(&batch.x, &batch.given, t, 0.0, calls);
            let at_base = tch::no_grad(|| base.log_density(&landing.x))?;
            let log_density = landing.fall.map_or_else(|| at_base.shallow_clone(), |fall| &at_base + fall);
            Ok((log_density, u64::from(calls)))
        })
    }

    /// Applies `measure` to the points `[N, D]` of time `t`, all at once, after they were moved to the flow's device,
    /// precision and coordinates.
    ///
    /// # Errors
    /// If the points do not fit the flow.
    pub fn with_states<T>(&self, points: &Points, t: f64, measure: impl FnOnce(&Points) -> T) -> Result<T> {
        Ok(measure(&self.enter(&self.admit(points)?, t)))
    }
}

/// Refuses to carry anything in no call.
fn check_calls(calls: u32) -> Result<()> {
    if calls > 0 { Ok(()) } else { refuse("a flow needs at least 1 call, found: 0") }
}

//! A flow in few calls: jumps of a flow map instead of a solver's steps.

use interflow_core::Points;
use interflow_core::flow_map::FlowMap;

use super::{Computed, Engine};
use crate::error::{Error, Result, refuse};
use crate::work::Task;

impl Engine {
    /// The flow map that the network is.
    ///
    /// # Errors
    /// [`Error::Refused`] for a network of one time.
    pub fn flow_map(&self) -> Result<&dyn FlowMap> {
        self.network.flow_map().ok_or_else(|| {
            Error::refused(
                "a number of calls wants a flow map, and the flow's network knows its velocity only\n\
                 hint: leave the calls out, or train with [objective] kind = \"flow-map\" and a table [model.flow_map]",
            )
        })
    }

    /// As [`Engine::carry`] in `calls` jumps of equal length instead of a solver's steps, each one call of the network.
    ///
    /// # Errors
    /// [`Error::Refused`] for a network that is no flow map, or no call at all; if the points are not the flow's, or the work
    /// is cancelled.
    pub fn carry_in(&self, points: &Points, times: (f64, f64), calls: u32, task: &Task) -> Result<Computed> {
        check_calls(calls)?;
        let map = self.flow_map()?;
        self.carry_by(points, times, task, |batch, _first| {
            Ok((map.carry(&batch.x, &batch.given, times, calls).x, u64::from(calls)))
        })
    }

    /// As [`Engine::log_density`] in `calls` jumps of equal length instead of a solver's steps: what the map learned of
    /// divergences, without any derivative.
    ///
    /// # Errors
    /// As [`Engine::carry_in`]; [`Error::Refused`] for a base that is known by samples only, or a map that has not learned
    /// divergences.
    pub fn log_density_in(&self, points: &Points, t: f64, calls: u32, task: &Task) -> Result<Computed> {
        check_calls(calls)?;
        let (map, base) = (self.flow_map()?, self.base_density()?);
        if !map.has_divergence() {
            return refuse(
                "log-densities in few calls want a flow map that has learned divergences\n\
                 hint: leave the calls out, or give [model.flow_map] a divergence_width and train",
            );
        }
        self.log_density_by(points, t, task, |batch, _first| {
            let landing = map.carry(&batch.x, &batch.given, (t, 0.0), calls);
            let at_base = tch::no_grad(|| base.log_density(&landing.x))?;
            let log_density = landing.fall.map_or_else(|| at_base.shallow_clone(), |fall| &at_base + fall);
            Ok((log_density, u64::from(calls)))
        })
    }

    /// What `measure` finds at points of time `t`, all at once, as states of the flow on its device and in its precision.
    ///
    /// # Errors
    /// If the points are not the flow's.
    pub fn with_states<T>(&self, points: &Points, t: f64, measure: impl FnOnce(&Points) -> T) -> Result<T> {
        Ok(measure(&self.enter(&self.admit(points)?, t)))
    }
}

/// Refuses to carry anything in no call.
fn check_calls(calls: u32) -> Result<()> {
    if calls > 0 { Ok(()) } else { refuse("a flow wants at least 1 call, found: 0") }
}

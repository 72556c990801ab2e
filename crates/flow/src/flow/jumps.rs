//! A flow map in the data's units: samples, encodings and log-densities in a few calls of the network.

use tch::Tensor;

use super::{AsPoints, DensityOptions, Flow};
use crate::engine::Computed;
use crate::error::Result;
use crate::path::check_time;

impl Flow {
    /// As [`Flow::encode`], but in `calls` jumps of a flow map: `[N, D]`.
    ///
    /// # Errors
    /// As [`Flow::carry_in`].
    pub fn encode_in(&self, points: &impl AsPoints, calls: u32) -> Result<Tensor> {
        Ok(self.carry_in(points, (1.0, 0.0), calls)?.rows)
    }

    /// As [`Flow::carry_counted`], but in `calls` jumps of a flow map instead of a solver's steps. The jumps divide
    /// the time evenly.
    ///
    /// ```
    /// # fn main() -> interflow_flow::Result<()> {
    /// use interflow_core::target::DensityConfig;
    /// use interflow_flow::{Experiment, ExperimentConfig, SampleOptions};
    /// use interflow_models::{FlowMapConfig, MlpConfig, ModelConfig};
    /// use interflow_train::{FlowMapMatchingConfig, ObjectiveConfig};
    ///
    /// let mut mlp = MlpConfig::new(vec![32, 32]);
    /// mlp.flow_map = Some(FlowMapConfig { divergence_width: Some(16) });
    /// let mut config = ExperimentConfig::new(DensityConfig::TwoMoons {}, ModelConfig::Mlp(mlp));
    /// config.objective = ObjectiveConfig::FlowMap(FlowMapMatchingConfig::default());
    /// # (config.train.steps, config.train.n_validation) = (2, 100);
    /// let flow = Experiment::new(config).train()?.flow();
    ///
    /// // Two calls for the samples, one back to the base, four for the log-densities.
    /// let samples = flow.sample_with(10, &SampleOptions::default().calls(2))?.points;
    /// assert_eq!(flow.encode_in(&samples, 1)?.size(), [10, 2]);
    /// let found = flow.log_density_in(&samples, 1.0, 4)?;
    /// assert_eq!((found.rows.size(), found.nfe), (vec![10], 4));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`crate::Error::Refused`] if the network is no flow map or `calls` is 0; if the points do not fit the flow, a
    /// time lies outside [0, 1], or the work is cancelled.
    pub fn carry_in(&self, points: &impl AsPoints, (from, to): (f64, f64), calls: u32) -> Result<Computed> {
        check_time(from)?;
        check_time(to)?;
        let points = self.enter_possible(&points.points(), from)?;
        let name = if (from, to) == (1.0, 0.0) { "encode" } else { "carry" };
        let task = self.engine.work().begin(name, points.len().unsigned_abs());
        let found = self.engine.carry_in(&points, (from, to), calls, &task)?;
        Ok(Computed { rows: self.leave(&found.rows, to)?, nfe: found.nfe })
    }

    /// As [`Flow::log_density_counted`], but in `calls` jumps of a flow map that has learned divergences: `[N]` in
    /// nats.
    ///
    /// # Errors
    /// As [`Flow::carry_in`]; [`crate::Error::Refused`] for a base without a density in closed form, or for a map
    /// that was trained without divergences.
    pub fn log_density_in(&self, points: &impl AsPoints, t: f64, calls: u32) -> Result<Computed> {
        self.log_density_with(points, t, &DensityOptions::default().calls(calls))
    }
}

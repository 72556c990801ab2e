//! A flow map in the data's units: points carried in a few calls of the network.

use super::{AsPoints, Flow};
use crate::engine::Computed;
use crate::error::Result;
use crate::path::check_time;

/// How points are carried along the flow.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// use interflow_core::target::DensityConfig;
/// use interflow_flow::{CarryOptions, DensityOptions, Experiment, ExperimentConfig, SampleOptions};
/// use interflow_models::{FlowMapConfig, MlpConfig, ModelConfig};
/// use interflow_train::{FlowMapMatchingConfig, ObjectiveConfig};
///
/// let mut mlp = MlpConfig::new(vec![32, 32]);
/// mlp.flow_map = Some(FlowMapConfig { divergence_width: Some(16) });
/// let mut config = ExperimentConfig::new(DensityConfig::TwoMoons {}, ModelConfig::Mlp(mlp));
/// config.objective = ObjectiveConfig::FlowMap(FlowMapMatchingConfig::default());
/// # (config.train.steps, config.train.n_validation) = (2, 100);
/// let flow = Experiment::new(config).train()?.into_flow();
///
/// // Two calls for the samples, one back to the base, four for the log-densities.
/// let samples = flow.sample_with(10, &SampleOptions::default().calls(2))?.points;
/// let encoded = flow.carry_with(&samples, 1.0, 0.0, &CarryOptions::default().calls(1))?;
/// assert_eq!((encoded.rows.size(), encoded.nfe), (vec![10, 2], 1));
/// let found = flow.log_density_with(&samples, 1.0, &DensityOptions::default().calls(4))?;
/// assert_eq!((found.rows.size(), found.nfe), (vec![10], 4));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct CarryOptions {
    /// For a flow map, the number of network calls, which divide the time evenly. Without it, the flow's solver carries the
    /// points.
    pub calls: Option<u32>,
}

impl CarryOptions {
    /// The same options with this number of network calls.
    #[must_use]
    pub fn calls(self, calls: u32) -> Self {
        Self { calls: Some(calls) }
    }
}

impl Flow {
    /// As [`Flow::carry`], as `options` say, with the number of network calls.
    ///
    /// # Errors
    /// As [`Flow::carry`]; [`crate::Error::Refused`] for a number of calls if it is 0 or the network is no flow map.
    pub fn carry_with(
        &self,
        points: &impl AsPoints,
        from: f64,
        to: f64,
        options: &CarryOptions,
    ) -> Result<Computed> {
        check_time(from)?;
        check_time(to)?;
        let points = self.enter_possible(&points.points(), from)?;
        let name = if (from, to) == (1.0, 0.0) { "encode" } else { "carry" };
        let task = self.engine.work().begin(name, points.len().unsigned_abs());
        let found = match options.calls {
            None => self.engine.carry(&points, from, to, &task)?,
            Some(calls) => self.engine.jump(&points, from, to, calls, &task)?,
        };
        Ok(Computed { rows: self.leave(&found.rows, to)?, nfe: found.nfe })
    }
}

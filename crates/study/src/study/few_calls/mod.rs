//! A flow map in a few calls: its samples and log-densities compared with those of a solver on the same network.

mod conditions;
mod densities;
mod gaussian;
mod samples;

use anyhow::{Result, bail};
use interflow_flow::ExperimentConfig;
use interflow_train::ObjectiveConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::findings::Findings;
use crate::subject::Subject;

/// The settings of the measurements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FewCallsConfig {
    /// The numbers of network calls (NFE).
    pub calls: Vec<u32>,
    /// The number of samples of each draw, and of data points.
    pub n: i64,
    /// The number of draws whose energy distances are averaged.
    pub n_draws: i64,
    /// The number of test points whose log-densities are compared.
    pub n_density: i64,
    /// The number of test points at which the log-determinant of the map is computed, which takes as many tangents as
    /// there are dimensions. In more than 64 dimensions it is not computed.
    pub n_determinant: i64,
}

impl FewCallsConfig {
    /// Rejects counts that make no sense, and experiments without a flow map.
    pub(super) fn check(&self, experiment: &ExperimentConfig) -> Result<()> {
        if self.calls.is_empty() || self.calls.contains(&0) {
            bail!("calls must be one number or more, each positive, found: {:?}", self.calls);
        }
        if self.n < 2 || self.n_draws < 1 || self.n_density < 2 || self.n_determinant < 2 {
            bail!("n, n_density and n_determinant must be at least 2, and n_draws at least 1");
        }
        match experiment.objective {
            ObjectiveConfig::FlowMap(_) => Ok(()),
            _ => bail!("few calls need [objective] kind = \"flow-map\""),
        }
    }
}

/// Measures samples, log-densities and the map's conditions, and adds tables, numbers and a sheet of samples.
pub(super) fn run(config: &FewCallsConfig, subject: &Subject<'_>) -> Result<Findings> {
    if !subject.engine.space().given.is_nothing() {
        bail!("the study of few calls needs a flow without conditions");
    }
    let mut findings = Findings::default();
    samples::measure(config, subject, &mut findings)?;
    if subject.engine.base().density().is_some() && subject.engine.flow_map()?.has_divergence() {
        densities::measure(config, subject, &mut findings)?;
    }
    conditions::measure(config, subject, &mut findings)?;
    gaussian::measure(config, subject, &mut findings)?;
    Ok(findings)
}

/// A number as a cell of a table.
fn cell(value: f64) -> String {
    if value.abs() < 10.0 { format!("{value:.4}") } else { format!("{value:.1}") }
}

/// Numbers by name as JSON.
fn object(numbers: &[(&str, f64)]) -> Value {
    numbers.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect()
}

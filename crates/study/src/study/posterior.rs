//! Sampling given an observation of one coordinate, compared with the exact posterior of eight Gaussians.

use anyhow::{Result, bail};
use interflow_core::density::{Density as _, GaussianMixture, Sampler as _};
use interflow_core::guidance::{Observation, Observed};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::target::eight_gaussians;
use interflow_figure::{self as figure, Figure};
use interflow_flow::{Computed, ExperimentConfig, FlowPath};
use interflow_metrics::energy_distance_test;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::{Kind, Tensor};

use super::mixture;
use super::noisy_samples::{self, Runs};
use crate::drawing::numbers;
use crate::findings::Findings;
use crate::report;
use crate::subject::Subject;

/// The observations, and how samples are drawn given them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PosteriorConfig {
    /// The observed values of the first coordinate, one after the other.
    pub values: Vec<f64>,
    /// The standard deviation of the observation's noise.
    pub std: f64,
    /// The strengths ε₀ of the stochastic equation's noise. The flow itself is measured first.
    pub epsilons: Vec<f64>,
    /// The number of steps of the stochastic solver.
    pub steps: u32,
    /// The number of samples of each run.
    pub n: i64,
}

impl PosteriorConfig {
    /// Rejects targets whose posterior is not known, and numbers that make no sense.
    pub(super) fn check(&self, experiment: &ExperimentConfig) -> Result<()> {
        if !(self.std > 0.0 && self.std.is_finite()) {
            bail!("std must be positive and finite, found: {}", self.std);
        }
        if self.n < 2 {
            bail!("n must be at least 2, found: {}", self.n);
        }
        mixture::check(experiment, &[])
    }
}

/// Cells along one side of a picture.
const N_CELLS: usize = 72;

/// Samples all posteriors and adds a table, numbers and a figure.
pub(super) fn run(config: &PosteriorConfig, subject: &Subject<'_>) -> Result<Findings> {
    let seed = subject.seed();
    let x0 = subject.base.law().sample(0, config.n, seed, subject.kind())?;
    let (mut panels, mut rows, mut results) = (Vec::new(), Vec::new(), Vec::new());
    for &value in &config.values {
        let exact = eight_gaussians()?.observed(0, value, config.std)?;
        let draw =
            |index| exact.sample(config.n, &mut Stream::new(seed, Purpose::Test).at(index), Kind::Double);
        let (data, others) = (draw(0), draw(1));
        let observed = Observed(vec![Observation { coordinate: 0, value, std: config.std }]);
        let path = FlowPath::new(subject.engine, None)?.observing(observed)?;
        let runs = Runs { subject, path: &path, epsilons: &config.epsilons, steps: config.steps };
        panels.push((format!("x₁ = {value}, exact"), density(&exact, subject.target.extent())?));
        let mut add = |name: String, samples: &Tensor, nfe: u64| -> Result<()> {
            let distance = distance(samples, &data)?;
            rows.push(vec![value.to_string(), name.clone(), nfe.to_string(), format!("{distance:.5}")]);
            results.push(json!({ "value": value, "sampler": name, "energy_distance": distance }));
            Ok(())
        };
        add("exact".to_owned(), &others, 0)?;
        for epsilon in runs.strengths() {
            let Computed { rows: samples, nfe } = runs.carry(epsilon, &x0)?;
            panels.push(runs.panel(&noisy_samples::name(epsilon), &samples)?);
            add(noisy_samples::name(epsilon), &samples, nfe)?;
        }
    }
    subject.save("posteriors.png", &figure::sheet(&panels, config.epsilons.len() + 2))?;
    let mut findings = Findings::default();
    let header = ["observed x1", "sampler", "NFE", "energy distance to the exact posterior"];
    let title = format!("Samples given x1, observed with noise of deviation {}", config.std);
    findings.section(
        &title,
        &header,
        &rows,
        &[("posteriors.png", "The exact posteriors, and samples of each by the flow and by the SDE")],
    );
    findings.results.insert("posteriors".into(), json!(results));
    Ok(findings)
}

fn distance(samples: &Tensor, data: &Tensor) -> Result<f64> {
    let mut draw = Stream::new(0, Purpose::Resample).at(0);
    Ok(energy_distance_test(samples, data, 0, &mut draw)?.statistic)
}

fn density(law: &GaussianMixture, extent: f64) -> Result<Figure> {
    let grid = report::grid(N_CELLS, extent, Kind::Double);
    Ok(figure::density_image(&numbers(&law.log_density(&grid)?.exp())?, N_CELLS, extent))
}

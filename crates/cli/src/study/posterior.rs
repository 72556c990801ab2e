//! Sampling given an observation of one coordinate, against the exact posterior of eight Gaussians.

use anyhow::{Result, bail};
use image::RgbImage;
use interflow_core::density::{Density as _, GaussianMixture, Sampler as _};
use interflow_core::guidance::{Observation, Observed};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::target::eight_gaussians;
use interflow_figure as figure;
use interflow_metrics::energy_distance_test;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::{Kind, Tensor};

use super::noisy_samples::{self, Runs};
use super::{Findings, mixture};
use crate::config::ExperimentConfig;
use crate::end::End;
use crate::flow::Flow;
use crate::flow_path::FlowPath;
use crate::output::numbers;
use crate::report;
use crate::run_folder::RunFolder;

/// What is observed, and how it is sampled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PosteriorConfig {
    /// Values that the first coordinate is observed to have, one after the other.
    pub(crate) values: Vec<f64>,
    /// The deviation of the observation's noise.
    pub(crate) std: f64,
    /// Strengths of the stochastic equation's noise; the flow comes first.
    pub(crate) epsilons: Vec<f64>,
    /// Steps of the stochastic solver.
    pub(crate) steps: u32,
    /// Samples of each run.
    pub(crate) n: i64,
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
pub(super) fn run(
    config: &PosteriorConfig,
    folder: &RunFolder,
    flow: &Flow,
    base: &End,
    target: &End,
) -> Result<Findings> {
    config.check(&flow.config)?;
    let seed = flow.config.seed;
    let x0 = base.sampling_points(0, config.n, seed, flow.config.precision.kind())?;
    let (mut panels, mut rows, mut results) = (Vec::new(), Vec::new(), Vec::new());
    for &value in &config.values {
        let exact = eight_gaussians()?.observed(0, value, config.std)?;
        let draw =
            |index| exact.sample(config.n, &mut Stream::new(seed, Purpose::Test).at(index), Kind::Double);
        let (data, others) = (draw(0), draw(1));
        let observed = Observed(vec![Observation { coordinate: 0, value, std: config.std }]);
        let path = FlowPath::new(flow, None)?.guided(base, observed)?;
        let runs = Runs { path: &path, base, target, epsilons: &config.epsilons, steps: config.steps };
        panels.push((format!("x1 = {value}, exact"), density(&exact, target)?));
        let mut add = |name: String, samples: &Tensor, nfe: u64| -> Result<()> {
            let distance = distance(samples, &data)?;
            rows.push(vec![value.to_string(), name.clone(), nfe.to_string(), format!("{distance:.5}")]);
            results.push(json!({ "value": value, "sampler": name, "energy_distance": distance }));
            Ok(())
        };
        add("exact".to_owned(), &others, 0)?;
        for epsilon in runs.strengths() {
            let (samples, nfe) = runs.carry(epsilon, &x0, seed)?;
            panels.push(runs.panel(&noisy_samples::name(epsilon), &samples)?);
            add(noisy_samples::name(epsilon), &samples, nfe)?;
        }
    }
    let picture = figure::sheet(&panels, config.epsilons.len() + 2);
    figure::save_png(&folder.figures().join("posteriors.png"), &picture)?;
    let mut findings = Findings::default();
    let header = ["observed x1", "sampler", "NFE", "energy distance to the exact posterior"];
    let title = format!("Samples given x1, observed with noise of deviation {}", config.std);
    findings.section(&title, &header, &rows, &["posteriors.png"]);
    findings.result.insert("posteriors".into(), json!(results));
    Ok(findings)
}

fn distance(samples: &Tensor, data: &Tensor) -> Result<f64> {
    let mut draw = Stream::new(0, Purpose::Resample).at(0);
    Ok(energy_distance_test(samples, data, 0, &mut draw)?.statistic)
}

fn density(law: &GaussianMixture, target: &End) -> Result<RgbImage> {
    let grid = report::grid(N_CELLS, target.extent(), Kind::Double);
    Ok(figure::density_image(&numbers(&law.log_density(&grid).exp())?, N_CELLS))
}

//! Studies: what an experiment measures beyond the usual numbers of a trained flow, or without training at all.
//!
//! A config's table `[study]` says which, by its `kind`. A study answers with [`Findings`]: numbers for the result,
//! text for the report, and figures that it has drawn.

mod budget;
mod comparison;
mod cost;
mod exact;
mod exact_law;
mod exact_orders;
mod gamma;
mod gradient_noise;
mod mirror;
mod mixture;
mod noisy_samples;
mod posterior;
mod score_error;
mod stein;
mod transport;

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use budget::BudgetConfig;
pub(crate) use comparison::compare;
use cost::CostExperiment;
use exact::ExactExperiment;
pub(crate) use gamma::GammaStudyConfig;
pub(crate) use mirror::MirrorConfig;
pub(crate) use posterior::PosteriorConfig;
pub(crate) use score_error::ScoreErrorConfig;
pub(crate) use stein::SteinConfig;
pub(crate) use transport::TransportConfig;

use crate::args::RunArgs;
use crate::config::ExperimentConfig;
use crate::end::End;
use crate::flow::Flow;
use crate::run_folder::RunFolder;

/// A study of a trained flow, as written in a config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum StudyConfig {
    /// The flow against the stochastic equation, by calls of the network.
    Budget(BudgetConfig),
    /// The learned score against the exact one, for a target that is a Gaussian mixture.
    ScoreError(ScoreErrorConfig),
    /// A denoiser beside the velocity: what both know of the score, and how the latent's pairs calm training.
    Gamma(GammaStudyConfig),
    /// Data to themselves, by the flow and by the stochastic equation.
    Mirror(MirrorConfig),
    /// Sampling given an observation, against the exact posterior.
    Posterior(PosteriorConfig),
    /// Integrals of the score that are known for every density.
    Stein(SteinConfig),
    /// What the flow's transport costs, how straight it is, and what few steps make of it.
    Transport(TransportConfig),
}

impl StudyConfig {
    /// Rejects a study that makes no sense for the experiment, before anything is trained.
    pub(crate) fn check(&self, experiment: &ExperimentConfig) -> Result<()> {
        match self {
            Self::Budget(config) => config.check(),
            Self::ScoreError(config) => config.check(experiment),
            Self::Gamma(config) => config.check(experiment),
            Self::Mirror(config) => config.check(experiment),
            Self::Posterior(config) => config.check(experiment),
            Self::Stein(config) => config.check(),
            Self::Transport(config) => config.check(),
        }
        .context("in [study]")
    }

    /// Makes the study; figures go to the run's folder.
    pub(crate) fn run(&self, folder: &RunFolder, flow: &Flow, base: &End, target: &End) -> Result<Findings> {
        match self {
            Self::Budget(config) => budget::run(config, folder, flow, base, target),
            Self::ScoreError(config) => score_error::run(config, folder, flow, base),
            Self::Gamma(config) => gamma::run(config, folder, flow, base, target),
            Self::Mirror(config) => mirror::run(config, folder, flow, base, target),
            Self::Posterior(config) => posterior::run(config, folder, flow, base, target),
            Self::Stein(config) => stein::run(config, folder, flow, base, target),
            Self::Transport(config) => transport::run(config, folder, flow, base, target),
        }
        .context("in [study]")
    }
}

/// What a study found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Numbers, by name.
    pub(crate) result: Map<String, Value>,
    /// Sections of the report, as Markdown.
    pub(crate) text: String,
}

impl Findings {
    /// Adds a section with a table and, after it, figures by their file names.
    pub(crate) fn section(&mut self, title: &str, header: &[&str], rows: &[Vec<String>], figures: &[&str]) {
        let header: Vec<String> = header.iter().map(|&name| name.to_owned()).collect();
        let rule = vec!["---".to_owned(); header.len()];
        let lines = [&header, &rule].into_iter().chain(rows);
        let table: Vec<String> = lines.map(|cells| format!("| {} |", cells.join(" | "))).collect();
        let figures: Vec<String> =
            figures.iter().map(|name| format!("\n![{name}](figures/{name})")).collect();
        self.text += &["\n## ", title, "\n\n", &table.join("\n"), "\n", &figures.join("\n"), "\n"].concat();
    }
}

/// Makes the study of a config file that describes no flow to train, if it is one, by its `study.kind`.
pub(crate) fn run_by_itself(args: &RunArgs) -> Result<Option<(RunFolder, Findings)>> {
    Ok(match kind(&args.config).as_deref() {
        Some("gmm-exact") => Some(ExactExperiment::run(args)?),
        Some("cost") => Some(CostExperiment::run(args)?),
        _ => None,
    })
}

/// Whether the config file describes no flow to train.
pub(crate) fn is_untrained(path: &Path) -> bool {
    matches!(kind(path).as_deref(), Some("gmm-exact" | "cost"))
}

fn kind(path: &Path) -> Option<String> {
    let table = std::fs::read_to_string(path).ok().and_then(|text| text.parse::<toml::Table>().ok());
    table.and_then(|table| Some(table.get("study")?.get("kind")?.as_str()?.to_owned()))
}

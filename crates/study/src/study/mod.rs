//! Studies: what an experiment measures on a trained flow beyond the usual numbers.
//!
//! A config's table `[study]` says which, by its `kind`.

pub mod budget;
pub mod few_calls;
pub mod gamma;
mod gradient_noise;
pub mod mirror;
mod mixture;
mod noisy_samples;
pub mod posterior;
pub mod score_error;
pub mod stein;
pub mod transport;

use anyhow::{Context as _, Result};
use interflow_flow::ExperimentConfig;
use serde::{Deserialize, Serialize};

use self::budget::BudgetConfig;
use self::few_calls::FewCallsConfig;
use self::gamma::GammaConfig;
use self::mirror::MirrorConfig;
use self::posterior::PosteriorConfig;
use self::score_error::ScoreErrorConfig;
use self::stein::SteinConfig;
use self::transport::TransportConfig;
use crate::config_text::ConfigText;
use crate::findings::Findings;
use crate::subject::Subject;

/// A study of a trained flow, as written in a config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StudyConfig {
    /// The flow against the stochastic equation, by calls of the network.
    Budget(BudgetConfig),
    /// A flow map: samples and log-densities in a few calls against the solver's, and the map's conditions.
    FewCalls(FewCallsConfig),
    /// The learned score against the exact one, for a target that is a Gaussian mixture.
    ScoreError(ScoreErrorConfig),
    /// A denoiser beside the velocity: what both know of the score, and how the latent's pairs calm training.
    Gamma(GammaConfig),
    /// Data to themselves, by the flow and by the stochastic equation.
    Mirror(MirrorConfig),
    /// Sampling given an observation, against the exact posterior.
    Posterior(PosteriorConfig),
    /// Integrals of the score that are known for every density.
    Stein(SteinConfig),
    /// What the flow's transport costs, how straight it is, and what few steps make of it.
    Transport(TransportConfig),
}

/// The part of a config that is read here.
#[derive(Deserialize)]
struct Document {
    study: Option<StudyConfig>,
}

impl StudyConfig {
    /// The study of an experiment, where it has one.
    ///
    /// # Errors
    /// An [`interflow_flow::Error::Config`] naming a key or a kind that there is not, and the nearest that there is.
    pub fn of(experiment: &ExperimentConfig) -> Result<Option<Self>> {
        let Some(table) = &experiment.study else { return Ok(None) };
        let study = table.clone().try_into::<Self>();
        Ok(Some(study.map_err(|error| interflow_flow::config::located(&error, "", "[study]"))?))
    }

    /// The study that a config's text describes, where it has one: as [`StudyConfig::of`], and errors name the line.
    ///
    /// # Errors
    /// As [`StudyConfig::of`]; and if the text is not TOML.
    pub fn read(config: &ConfigText<'_>) -> Result<Option<Self>> {
        Ok(config.parse::<Document>()?.study)
    }

    /// Rejects a study that makes no sense for the experiment, before anything is trained.
    ///
    /// # Errors
    /// The refusal of a number that is out of range, or of a study that wants another experiment.
    pub fn check(&self, experiment: &ExperimentConfig) -> Result<()> {
        match self {
            Self::Budget(config) => config.check(),
            Self::FewCalls(config) => config.check(experiment),
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
    ///
    /// # Errors
    /// As [`StudyConfig::check`]; if the flow does not go with the study, a solver fails, the work is cancelled, or a figure
    /// cannot be written.
    pub fn run(&self, subject: &Subject<'_>) -> Result<Findings> {
        self.check(subject.config)?;
        match self {
            Self::Budget(config) => budget::run(config, subject),
            Self::FewCalls(config) => few_calls::run(config, subject),
            Self::ScoreError(config) => score_error::run(config, subject),
            Self::Gamma(config) => gamma::run(config, subject),
            Self::Mirror(config) => mirror::run(config, subject),
            Self::Posterior(config) => posterior::run(config, subject),
            Self::Stein(config) => stein::run(config, subject),
            Self::Transport(config) => transport::run(config, subject),
        }
        .context("in [study]")
    }
}

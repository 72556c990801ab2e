//! Studies: measurements on a trained flow beyond its evaluation.
//!
//! The table `[study]` of a config names one by its `kind`.

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
    /// The flow compared with the stochastic equation, at equal NFE.
    Budget(BudgetConfig),
    /// The samples and log-densities of a flow map in a few calls, compared with the solver's, and the conditions of
    /// the map.
    FewCalls(FewCallsConfig),
    /// The learned score compared with the exact one, for a target that is a Gaussian mixture.
    ScoreError(ScoreErrorConfig),
    /// A denoiser beside the velocity: the scores of both, and how pairs of latents reduce the noise of training.
    Gamma(GammaConfig),
    /// Data carried to themselves by the flow and by the stochastic equation.
    Mirror(MirrorConfig),
    /// Sampling given an observation, compared with the exact posterior.
    Posterior(PosteriorConfig),
    /// Integrals of the score whose values are known for every density.
    Stein(SteinConfig),
    /// The transport cost of the flow, its straightness, and its samples in a few steps.
    Transport(TransportConfig),
}

/// The part of a config that is read here.
#[derive(Deserialize)]
struct Document {
    study: Option<StudyConfig>,
}

impl StudyConfig {
    /// The study of an experiment, if it has one.
    ///
    /// # Errors
    /// An [`interflow_flow::Error::Config`] naming an unknown key or kind, and the nearest known one.
    pub fn of(experiment: &ExperimentConfig) -> Result<Option<Self>> {
        let Some(table) = &experiment.study else { return Ok(None) };
        let study = table.clone().try_into::<Self>();
        Ok(Some(study.map_err(|error| interflow_flow::config::located(&error, "", "[study]"))?))
    }

    /// The study that a config's text describes, if it has one, as [`StudyConfig::of`]; but errors name lines.
    ///
    /// # Errors
    /// As [`StudyConfig::of`]; and if the text is not TOML.
    pub fn read(config: &ConfigText<'_>) -> Result<Option<Self>> {
        Ok(config.parse::<Document>()?.study)
    }

    /// Rejects a study that makes no sense for the experiment, before anything is trained.
    ///
    /// # Errors
    /// A refusal of a number that is out of range, or of a study that does not suit the experiment.
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

    /// Runs the study. Figures go into the run folder.
    ///
    /// # Errors
    /// As [`StudyConfig::check`]; if the flow does not suit the study, a solver fails, the work is cancelled, or a
    /// figure cannot be written.
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

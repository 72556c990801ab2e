//! The study `cost`: the same network trained on the interpolant's objective and by maximum likelihood through a
//! solver, with the milliseconds per iteration at the start and after training, and the test NLL against the time
//! spent.

mod account;
mod measure;

use anyhow::{Context as _, Result, bail};
use interflow_core::interpolant::InterpolantConfig;
use interflow_core::target::DensityConfig;
use interflow_flow::RunFolder;
use interflow_models::ModelConfig;
use interflow_solvers::{Sensitivity, SolverConfig};
use interflow_train::TrainConfig;
use serde::{Deserialize, Serialize};

use self::measure::Measurement;
use super::settings::{Head, Settings};
use crate::config_text::ConfigText;
use crate::findings::Findings;

/// The config of the comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostExperiment {
    /// The experiment's name. Its run folders lie in a folder of this name.
    pub name: String,
    /// The seed of all random numbers.
    pub seed: u64,
    /// The number of CPU threads of each tensor operation.
    pub threads: u32,
    /// The target, to which the flow goes from a standard normal base.
    pub target: DensityConfig,
    /// The interpolant of the regression objective.
    pub interpolant: InterpolantConfig,
    /// The network.
    pub model: ModelConfig,
    /// The settings of both trainings, except for their numbers of steps.
    pub train: TrainConfig,
    /// The settings of maximum likelihood, whose solver also measures the test NLL.
    pub likelihood: LikelihoodConfig,
    /// The settings of the measurements.
    pub study: CostStudy,
}

/// The only kind of this study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum CostStudy {
    /// Cost per iteration and per nat.
    Cost(CostConfig),
}

/// The settings of the measurements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostConfig {
    /// The steps of the interpolant's training after which the test NLL is measured.
    pub interpolant_marks: Vec<u64>,
    /// The steps of maximum likelihood after which the test NLL is measured.
    pub likelihood_marks: Vec<u64>,
    /// The number of test points.
    pub n_test: i64,
    /// The number of timed iterations of the interpolant's training.
    pub n_interpolant: u32,
    /// The number of timed iterations of maximum likelihood.
    pub n_likelihood: u32,
}

/// The settings of likelihoods and their gradients.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LikelihoodConfig {
    /// How the gradient is computed along the trajectories in training.
    pub sensitivity: Sensitivity,
    /// The solver that integrates the trajectories.
    pub solver: SolverConfig,
}

impl CostExperiment {
    /// The experiment that a config's text describes, checked, with another seed if there is one.
    pub(super) fn read(config: &ConfigText<'_>, settings: &Settings) -> Result<Self> {
        let mut experiment: Self = config.parse()?;
        experiment.seed = settings.seed.unwrap_or(experiment.seed);
        experiment.check().context("in [study]")?;
        Ok(experiment)
    }

    /// Measures, draws and reports; returns the run's folder and the findings.
    pub(super) fn run(&self, settings: &Settings) -> Result<(RunFolder, Findings)> {
        let head = Head { name: &self.name, seed: self.seed, threads: self.threads };
        let folder = settings.begin(&head, self)?;
        let found = Measurement { experiment: self, work: &settings.work }.run()?;
        account::draw(&folder, &found)?;
        let findings = account::findings(&found);
        head.end(&folder, &findings)?;
        Ok((folder, findings))
    }

    fn check(&self) -> Result<()> {
        let study = self.study();
        for (name, marks) in
            [("interpolant_marks", &study.interpolant_marks), ("likelihood_marks", &study.likelihood_marks)]
        {
            if marks.is_empty() || !marks.is_sorted() {
                bail!("{name} needs rising numbers of steps, found: {marks:?}");
            }
        }
        if study.n_test < 2 || study.n_interpolant == 0 || study.n_likelihood == 0 {
            bail!("n_test must be at least 2, n_interpolant and n_likelihood at least 1");
        }
        Ok(())
    }

    fn study(&self) -> &CostConfig {
        let CostStudy::Cost(study) = &self.study;
        study
    }
}

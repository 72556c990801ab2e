//! The config of an experiment: a complete description of a run, as a user writes it in TOML.

mod ends;
mod evaluation;
mod images;
mod leaves;
mod name;
mod text;

use interflow_core::interpolant::{InterpolantConfig, ScheduleKind};
use interflow_models::{MlpConfig, ModelConfig, StateFeatures};
use interflow_solvers::SolverConfig;
use interflow_train::{
    ObjectiveConfig, OptimizerConfig, PreconditionConfig, ScheduleConfig, TimeConfig, TrainConfig,
};
use interflow_transport::{CouplingConfig, PathConfig};
use serde::{Deserialize, Serialize};

pub use self::ends::{BaseConfig, SyntheticConfig, TargetConfig};
pub use self::evaluation::EvaluationConfig;
pub use self::images::{FidConfig, ImageEvaluationConfig};
pub(crate) use self::leaves::leaves;
pub use self::name::Variant;
pub(crate) use self::name::as_name;
use self::name::{check_name, check_variants};
pub use self::text::{located, parse};
use crate::error::{During as _, Error, Result, refuse};
use crate::precision::Precision;
use crate::threads::{MOST_THREADS, Threads};

/// The config of an experiment, as written in `configs/NAME.toml`. It only describes: [`crate::Experiment`] makes a
/// run of it.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// use interflow_core::target::DensityConfig;
/// use interflow_flow::ExperimentConfig;
///
/// let mut config = ExperimentConfig::synthetic("board", DensityConfig::Checkerboard {});
/// config.train.steps = 8000;
/// // The same as a file, and back; a misspelt key is an error that names the nearest one.
/// let text = config.to_toml()?;
/// assert_eq!(ExperimentConfig::from_toml(&text, "board.toml", &[])?, config);
/// let misspelt = config.with(&["train.stepps=3".to_owned()]).unwrap_err();
/// assert!(misspelt.to_string().contains("steps"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExperimentConfig {
    /// The experiment's name. Its run folders lie in a folder of this name.
    pub name: String,
    /// The seed of all random numbers.
    pub seed: u64,
    /// The CPU threads of each tensor operation: a number, of which no more than there are cores are used, or
    /// `"auto"` for the number with which training steps are fastest at the time. With a fixed number, equal runs
    /// give equal bits.
    pub threads: Threads,
    /// The floating-point precision of weights and points.
    pub precision: Precision,
    /// The base, where the flow starts at t = 0.
    pub base: BaseConfig,
    /// The target, where the flow ends at t = 1.
    pub target: TargetConfig,
    /// The interpolant, that is the path between base and target.
    pub interpolant: InterpolantConfig,
    /// The coupling: how base points are paired with target points.
    pub coupling: CouplingConfig,
    /// How a better path is learned during training. Without it the path stays that of the interpolant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathConfig>,
    /// The network of the velocity.
    pub model: ModelConfig,
    /// The closed-form velocity to which the network learns a correction. Without it the network is the velocity
    /// itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precondition: Option<PreconditionConfig>,
    /// The network of a denoiser that is trained beside the velocity, for interpolants with a latent γ(t) z. The
    /// score then follows from it up to the ends, whatever base and coupling are. It needs the objective
    /// `velocity-with-denoiser`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denoiser: Option<ModelConfig>,
    /// The objective that training minimises.
    #[serde(default)]
    pub objective: ObjectiveConfig,
    /// How the network is trained: steps, batches, optimiser.
    pub train: TrainConfig,
    /// The solver that integrates the flow.
    pub solver: SolverConfig,
    /// What is measured after training.
    pub evaluation: EvaluationConfig,
    /// A study of the trained flow beyond the evaluation. This crate does not interpret the table; the program that
    /// runs studies does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub study: Option<toml::Table>,
    /// Variants of this experiment. If there are any, they are run and compared instead of the experiment itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
}

impl ExperimentConfig {
    /// An experiment with the usual choices: from N(0, I) to `target` along the trigonometric interpolant with the
    /// independent coupling, by the network `model`, in single precision on one thread, and the defaults for
    /// everything else. Change its fields to choose otherwise.
    ///
    /// ```
    /// use interflow_core::target::DensityConfig;
    /// use interflow_flow::{Experiment, ExperimentConfig};
    /// use interflow_models::{MlpConfig, ModelConfig};
    ///
    /// # fn main() -> interflow_flow::Result<()> {
    /// let model = ModelConfig::Mlp(MlpConfig::new(vec![32, 32]));
    /// let mut config = ExperimentConfig::new(DensityConfig::TwoMoons {}, model);
    /// config.train.steps = 20;
    /// let flow = Experiment::new(config).train()?.into_flow();
    /// assert_eq!(flow.sample(100, 0)?.size(), [100, 2]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(target: impl Into<TargetConfig>, model: ModelConfig) -> Self {
        Self {
            name: "experiment".to_owned(),
            seed: 0,
            threads: Threads::Fixed(1),
            precision: Precision::F32,
            base: BaseConfig::StandardNormal {},
            target: target.into(),
            interpolant: InterpolantConfig { kind: ScheduleKind::Trigonometric, gamma: None },
            coupling: CouplingConfig::Independent {},
            path: None,
            model,
            precondition: None,
            denoiser: None,
            objective: ObjectiveConfig::default(),
            train: TrainConfig::default(),
            solver: SolverConfig::default(),
            evaluation: EvaluationConfig::default(),
            study: None,
            variants: Vec::new(),
        }
    }

    /// An experiment on a two-dimensional density of the library that is ready to train: as
    /// [`ExperimentConfig::new`], with a perceptron that sees sines and cosines of the state too, for 5000 steps with
    /// a cosine schedule of the learning rate.
    pub fn synthetic(name: impl Into<String>, density: impl Into<TargetConfig>) -> Self {
        let mut mlp = MlpConfig::new(vec![128; 3]);
        mlp.state_features = Some(StateFeatures::octaves(4));
        let train = TrainConfig {
            steps: 5000,
            warmup_steps: 100,
            clip_norm: Some(1.0),
            schedule: ScheduleConfig::Cosine {},
            optimizer: OptimizerConfig { learning_rate: 2e-3, beta2: 0.99, ..OptimizerConfig::default() },
            ..TrainConfig::default()
        };
        Self { name: name.into(), train, ..Self::new(density, ModelConfig::Mlp(mlp)) }
    }

    /// Reads an experiment from the TOML text `text`, with `overrides` of single keys as `key.path=value`. Errors
    /// call the text `place`, which may be its file name.
    ///
    /// # Errors
    /// [`Error::Config`] naming line and key, and the nearest known name for a misspelt one; or a refusal of values
    /// that have the right type but make no sense.
    pub fn from_toml(text: &str, place: &str, overrides: &[String]) -> Result<Self> {
        let config: Self = parse(text, place, overrides)?;
        config.check()?;
        Ok(config)
    }

    /// This experiment with `overrides` of single keys (`key.path=value`).
    ///
    /// # Errors
    /// As [`ExperimentConfig::from_toml`].
    pub fn with(&self, overrides: &[String]) -> Result<Self> {
        Self::from_toml(&self.to_toml()?, "the config", overrides)
    }

    /// The experiment as TOML.
    ///
    /// # Errors
    /// [`Error::Config`] if a value cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string_pretty(self).map_err(|error| Error::Config {
            place: "cannot write the config".to_owned(),
            problem: error.to_string(),
        })
    }

    /// Rejects values that have the right type but make no sense, alone or together.
    ///
    /// # Errors
    /// [`Error::Config`], or the refusal of a part with the name of its table.
    pub fn check(&self) -> Result<()> {
        check_name(&self.name).map_err(|problem| wrong("name", problem))?;
        check_variants(&self.variants)?;
        if self.threads.check().is_err() {
            let problem = format!("must be auto or from 1 to {MOST_THREADS}, found: {}", self.threads);
            return Err(wrong("threads", problem));
        }
        self.evaluation.check().during("in [evaluation]")?;
        self.train.check().during("in [train]")?;
        self.solver.build().during("in [solver]")?;
        let interpolant = self.interpolant.build().during("in [interpolant]")?;
        if matches!(self.coupling, CouplingConfig::Mirror {}) && !self.base.is_law_of(&self.target) {
            let problem =
                "kind = \"mirror\" pairs points with themselves: base and target have to be the same";
            return Err(wrong("[coupling]", problem));
        }
        if self.denoiser.is_some() && !interpolant.has_latent() {
            return Err(wrong("[denoiser]", "needs a path with a latent\nhint: give [interpolant] a gamma"));
        }
        self.check_objective()?;
        self.coupling.build().during("in [coupling]")?;
        self.path.as_ref().map_or(Ok(()), |path| self.check_path(path)).during("in [path]")
    }

    /// Rejects an objective and a network that do not belong together.
    fn check_objective(&self) -> Result<()> {
        let with_denoiser = matches!(self.objective, ObjectiveConfig::VelocityWithDenoiser { .. });
        match (with_denoiser, &self.denoiser) {
            (true, None) => Err(wrong(
                "[objective]",
                "kind = \"velocity-with-denoiser\" needs a table [denoiser] with its network",
            )),
            (false, Some(_)) => Err(wrong(
                "[denoiser]",
                "is not trained by this objective\nhint: set [objective] kind = \"velocity-with-denoiser\"",
            )),
            _ => Ok(()),
        }
    }

    /// Rejects a path that cannot be learned beside this training.
    fn check_path(&self, path: &PathConfig) -> Result<()> {
        path.check()?;
        let rest_after = (path.rest_at * self.train.steps as f64) as u64;
        if path.start >= rest_after {
            return refuse(format!(
                "the path rests at step {rest_after}, before its start, found: {}",
                path.start
            ));
        }
        if matches!(self.objective, ObjectiveConfig::Likelihood { .. }) {
            return refuse("maximum likelihood follows no path\nhint: take [objective] kind = \"velocity\"");
        }
        if self.precondition.is_some() {
            return refuse(
                "a network is preconditioned on a path that does not change\nhint: leave out [precondition]",
            );
        }
        if self.train.jitter > 0.0 {
            return refuse(
                "the path is searched for between the points as they are\nhint: leave out train.jitter",
            );
        }
        if matches!(self.train.time, TimeConfig::LogUniformAlpha { .. } | TimeConfig::LogUniformRatio { .. })
        {
            return refuse("times by α need an α that does not change\nhint: take uniform or beta times");
        }
        Ok(())
    }
}

/// A value that makes no sense at a key or table.
fn wrong(place: &str, problem: impl Into<String>) -> Error {
    Error::Config { place: place.to_owned(), problem: problem.into() }
}

//! The experiment's TOML file: one complete description of a run.

mod end;
mod evaluation;
mod file;

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use interflow_core::Network;
use interflow_core::interpolant::InterpolantConfig;
use interflow_core::rng::{Purpose, Stream};
use interflow_data::WhiteningNumbers;
use interflow_models::{ModelConfig, VelocityAndDenoiser};
use interflow_solvers::SolverConfig;
use interflow_train::{
    AxesKind, GaussianResidual, PreconditionConfig, PrincipalAxes, TimeConfig, TrainConfig,
};
use interflow_transport::{CouplingConfig, PathConfig};
use serde::{Deserialize, Serialize};
use tch::Device;

pub(crate) use end::{BenchmarkConfig, EndConfig, ImagesConfig};
pub(crate) use evaluation::{DivergenceConfig, EvaluationConfig};
pub(crate) use file::read_as;
use file::{located, overridden};

use crate::images::ImageSpace;
use crate::study::StudyConfig;
use crate::units::Units;

/// An experiment, as written in `configs/NAME.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExperimentConfig {
    /// The experiment's name; run folders lie under it.
    pub(crate) name: String,
    /// The seed of every random number.
    pub(crate) seed: u64,
    /// CPU threads of a tensor operation; small networks are fastest with one.
    pub(crate) threads: u32,
    /// The floating-point kind of weights and points.
    pub(crate) precision: Precision,
    /// The ends' dimension; training fills it in, so that a checkpoint is usable without its data set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dim: Option<i64>,
    /// What makes the target's rows the flow's points; training fills it in, for the same reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) whitening: Option<WhiteningNumbers>,
    /// What the ends' coordinates mean; training fills it in, so that a checkpoint speaks the data's units.
    #[serde(default, skip_serializing_if = "Units::is_empty")]
    pub(crate) units: Units,
    /// What the target's coordinates are, where it is a set of images; training fills it in, for the same reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) images: Option<ImageSpace>,
    /// Where the flow starts, at t = 0.
    pub(crate) base: EndConfig,
    /// Where the flow ends, at t = 1.
    pub(crate) target: EndConfig,
    /// The path between the ends.
    pub(crate) interpolant: InterpolantConfig,
    /// How end points are paired.
    pub(crate) coupling: CouplingConfig,
    /// How the path itself is learned; it stays the interpolant's without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<PathConfig>,
    /// The velocity's network.
    pub(crate) model: ModelConfig,
    /// What the network corrects; without it the network is the velocity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) precondition: Option<PreconditionConfig>,
    /// The network of a denoiser beside it, for paths with a latent: its score is known up to the ends, whatever the
    /// base and the coupling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) denoiser: Option<ModelConfig>,
    /// How it is trained.
    pub(crate) train: TrainConfig,
    /// How the flow is integrated.
    pub(crate) solver: SolverConfig,
    /// What is measured afterwards.
    pub(crate) evaluation: EvaluationConfig,
    /// What is studied on the trained flow beyond that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) study: Option<StudyConfig>,
    /// Variants of this experiment, which are all run and compared, instead of the one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) variants: Vec<Variant>,
}

/// One of several experiments that differ in a few keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variant {
    /// What it is, for tables and figures.
    pub(crate) name: String,
    /// Its keys as `key.path=value`; a reflow `from` that begins with `@` names an earlier variant.
    #[serde(default)]
    pub(crate) set: Vec<String>,
}

/// Floating-point precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Precision {
    /// 32 bits.
    F32,
    /// 64 bits.
    F64,
}

impl Precision {
    /// libtorch's name for it.
    pub(crate) fn kind(self) -> tch::Kind {
        match self {
            Self::F32 => tch::Kind::Float,
            Self::F64 => tch::Kind::Double,
        }
    }
}

impl ExperimentConfig {
    /// Reads `path` and applies `overrides` (`key.path=value`).
    pub(crate) fn read(path: &Path, overrides: &[String]) -> Result<Self> {
        let config: Self = read_as(path, overrides)?;
        config.check()?;
        Ok(config)
    }

    /// This config with `overrides` (`key.path=value`).
    pub(crate) fn with(&self, overrides: &[String]) -> Result<Self> {
        let config: Self = overridden(&self.to_toml()?, overrides)?;
        config.check()?;
        Ok(config)
    }

    /// Parses the config that a checkpoint carries.
    pub(crate) fn from_checkpoint(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| anyhow!("{}", located(&error, text, "the checkpoint's config")))
    }

    /// The resolved config as TOML.
    pub(crate) fn to_toml(&self) -> Result<String> {
        toml::to_string_pretty(self).context("cannot write the resolved config")
    }

    /// How many of a point's first coordinates are conditions.
    pub(crate) fn n_given(&self) -> i64 {
        match &self.target {
            EndConfig::Images(images) => images.n_given(),
            _ => self.units.n_given(),
        }
    }

    /// A fresh network for points of dimension `dim`, of the config's precision. What preconditions it, if anything
    /// does, are the principal axes of the training points; none are given where a checkpoint's take their place.
    pub(crate) fn network(
        &self,
        dim: i64,
        device: Device,
        axes: Option<PrincipalAxes>,
    ) -> Result<Box<dyn Network>> {
        let options = (self.precision.kind(), device);
        let stream = Stream::new(self.seed, Purpose::Init);
        let mut velocity = self.model.init(dim, &mut stream.at(0), options).context("in [model]")?;
        if let Some(PreconditionConfig::Gaussian { axes: kind }) = self.precondition {
            let axes = match (axes, kind, &self.images) {
                (Some(axes), ..) => axes,
                (None, AxesKind::Cosine, Some(space)) => PrincipalAxes::standard_cosine(space.sides()),
                _ => PrincipalAxes::standard(dim),
            };
            velocity = Box::new(GaussianResidual::new(velocity, self.interpolant.build()?, &axes)?);
        }
        let Some(denoiser) = &self.denoiser else { return Ok(velocity) };
        let denoiser = denoiser.init(dim, &mut stream.at(1), options).context("in [denoiser]")?;
        Ok(Box::new(VelocityAndDenoiser::new(velocity, denoiser)))
    }

    /// Rejects values that have the right type and no sense.
    fn check(&self) -> Result<()> {
        if self.name.is_empty() || self.name.contains(['/', '\\']) {
            bail!("name must be a file name, found: {:?}", self.name);
        }
        if self.threads < 1 {
            bail!("threads must be at least 1, found: {}", self.threads);
        }
        self.evaluation.check()?;
        self.train.check().context("in [train]")?;
        self.solver.build().context("in [solver]")?;
        let interpolant = self.interpolant.build().context("in [interpolant]")?;
        if matches!(self.coupling, CouplingConfig::Mirror {}) && self.base != self.target {
            bail!(
                "[coupling] kind = \"mirror\" pairs points with themselves: base and target have to be the same"
            );
        }
        if self.denoiser.is_some() && !interpolant.has_latent() {
            bail!("[denoiser] wants a path with a latent\nhint: give [interpolant] a gamma");
        }
        if self.denoiser.is_some() && self.train.likelihood.is_some() {
            bail!("[denoiser] wants the interpolant's objective\nhint: leave out [train.likelihood]");
        }
        self.coupling.build(0).context("in [coupling]")?;
        self.path.as_ref().map_or(Ok(()), |path| self.check_path(path)).context("in [path]")?;
        self.study.as_ref().map_or(Ok(()), |study| study.check(self))
    }
}

impl ExperimentConfig {
    /// Rejects a path that cannot be learned beside this training.
    fn check_path(&self, path: &PathConfig) -> Result<()> {
        path.check()?;
        let rest_after = (path.rest_at * self.train.steps as f64) as u64;
        if path.start >= rest_after {
            bail!("the path rests at step {rest_after}, before its start, found: {}", path.start);
        }
        if self.train.likelihood.is_some() {
            bail!("maximum likelihood follows no path\nhint: leave out [train.likelihood]");
        }
        if self.precondition.is_some() {
            bail!(
                "a network is preconditioned on a path that does not change\nhint: leave out [precondition]"
            );
        }
        if self.train.jitter > 0.0 {
            bail!("the path is searched for between the points as they are\nhint: leave out train.jitter");
        }
        if matches!(self.train.time, TimeConfig::LogUniformAlpha { .. }) {
            bail!("times by α want an α that does not change\nhint: take uniform or beta times");
        }
        Ok(())
    }
}

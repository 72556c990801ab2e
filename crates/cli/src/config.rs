//! The experiment's TOML file: one complete description of a run.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use interflow_core::Network;
use interflow_core::interpolant::InterpolantConfig;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::target::TargetConfig;
use interflow_data::{ImageSetConfig, TableConfig, WhiteningNumbers};
use interflow_models::{ModelConfig, VelocityAndDenoiser};
use interflow_solvers::SolverConfig;
use interflow_train::{GaussianResidual, PreconditionConfig, PrincipalAxes, TimeConfig, TrainConfig};
use interflow_transport::{CouplingConfig, PathConfig};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tch::Device;

use crate::images::{FidConfig, ImageEvaluationConfig, ImageSpace};
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

/// One end of the flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum EndConfig {
    /// N(0, I) in the other end's dimension.
    StandardNormal {},
    /// A two-dimensional density of the library.
    Synthetic {
        /// Which one.
        density: TargetConfig,
        /// Whether its closed form, if it has one, is kept from the flow: it is then known by samples only.
        #[serde(default)]
        samples_only: bool,
    },
    /// UCI POWER with its published preprocessing; like the published numbers, its test NLL is that of
    /// standardised rows.
    Power {
        /// Whether a training row gets fresh dequantisation noise at every visit.
        fresh_noise: bool,
    },
    /// UCI GAS with its published preprocessing.
    Gas(BenchmarkConfig),
    /// UCI HEPMASS with its published preprocessing.
    Hepmass(BenchmarkConfig),
    /// UCI MINIBOONE with its published preprocessing.
    Miniboone(BenchmarkConfig),
    /// The published validation part of MINIBOONE and some training rows for training, the published test part.
    MinibooneReduced(BenchmarkConfig),
    /// Patches of the photographs of BSDS300 with the published preprocessing.
    Bsds300(BenchmarkConfig),
    /// The rows of a CSV, NPY or Parquet file, in its units.
    Table(TableConfig),
    /// Images, dequantised and scaled to [−1, 1).
    Images(ImagesConfig),
}

/// How a set of images is given to the flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImagesConfig {
    /// Which set.
    pub(crate) source: ImageSetConfig,
    /// Whether every second training image, at random, is mirrored left to right.
    #[serde(default)]
    pub(crate) flip: bool,
    /// Makes the class of an image a condition, the first of a point's coordinates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) class_conditional: Option<ClassConfig>,
}

/// How a flow learns to depend on the class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClassConfig {
    /// The share of training images whose class is replaced by `n_classes`, which stands for none, so that samples
    /// can be guided by their class.
    #[serde(default)]
    pub(crate) dropout: f64,
}

impl ImagesConfig {
    /// How many of a point's first coordinates are conditions.
    pub(crate) fn n_given(&self) -> i64 {
        i64::from(self.class_conditional.is_some())
    }
}

/// How a set of the tabular benchmark is given to the flow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BenchmarkConfig {
    /// Whether the flow sees rows of mean 0 and covariance I instead; reported densities are those of the rows.
    #[serde(default)]
    pub(crate) whiten: bool,
}

/// What is measured after training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvaluationConfig {
    /// Held-out points whose log-density is measured.
    pub(crate) n_test: i64,
    /// Points that are integrated together.
    pub(crate) batch: i64,
    /// Points on each side of the two-sample tests between data and samples.
    #[serde(default = "default_two_sample")]
    pub(crate) n_two_sample: i64,
    /// How divergences are computed; exactly up to 256 dimensions without it, and by one probe above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) divergence: Option<DivergenceConfig>,
    /// What is measured and drawn of a flow of images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) images: Option<ImageEvaluationConfig>,
    /// How samples of images are compared with training images by the features of Inception.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fid: Option<FidConfig>,
    /// What others report on this experiment, by name, in nats.
    #[serde(default)]
    pub(crate) reference_nll: std::collections::BTreeMap<String, f64>,
}

/// How the divergence of the velocity is computed along a trajectory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum DivergenceConfig {
    /// Exactly, at the cost of one derivative for each dimension.
    Exact {},
    /// Hutchinson's estimate, averaged over trajectories with their own probes.
    Hutchinson {
        /// How many trajectories each point gets.
        n_probes: u32,
    },
}

/// The most dimensions in which divergences are exact unless the config says otherwise.
const EXACT_DIVERGENCE: i64 = 256;

impl EvaluationConfig {
    /// How divergences are computed in `dim` dimensions.
    pub(crate) fn divergence(&self, dim: i64) -> DivergenceConfig {
        self.divergence.unwrap_or(if dim <= EXACT_DIVERGENCE {
            DivergenceConfig::Exact {}
        } else {
            DivergenceConfig::Hutchinson { n_probes: 1 }
        })
    }

    /// What is measured and drawn of a flow of images.
    pub(crate) fn images(&self) -> ImageEvaluationConfig {
        self.images.clone().unwrap_or_default()
    }
}

fn default_two_sample() -> i64 {
    1000
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

    /// A fresh network for points of dimension `dim`, of the config's precision. What preconditions it are the axes
    /// of the training rows, or any others where a checkpoint's will take their place.
    pub(crate) fn network(&self, dim: i64, device: Device, axes: &PrincipalAxes) -> Result<Box<dyn Network>> {
        let options = (self.precision.kind(), device);
        let stream = Stream::new(self.seed, Purpose::Init);
        let mut velocity = self.model.init(dim, &mut stream.at(0), options).context("in [model]")?;
        if let Some(PreconditionConfig::Gaussian {}) = self.precondition {
            velocity = Box::new(GaussianResidual::new(velocity, self.interpolant.build()?, axes)?);
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
        for (key, value) in [
            ("threads", i64::from(self.threads)),
            ("evaluation.n_test", self.evaluation.n_test),
            ("evaluation.batch", self.evaluation.batch),
            ("evaluation.n_two_sample", self.evaluation.n_two_sample),
        ] {
            if value < 1 {
                bail!("{key} must be at least 1, found: {value}");
            }
        }
        if let Some(DivergenceConfig::Hutchinson { n_probes: 0 }) = self.evaluation.divergence {
            bail!("evaluation.divergence.n_probes must be at least 1, found: 0");
        }
        if let Some(fid) = self.evaluation.fid.as_ref().filter(|fid| fid.n_samples < 2) {
            bail!("evaluation.fid.n_samples must be at least 2, found: {}", fid.n_samples);
        }
        self.evaluation.images().check().context("in [evaluation.images]")?;
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
        if matches!(self.train.time, TimeConfig::LogUniformAlpha { .. }) {
            bail!("times by α want an α that does not change\nhint: take uniform or beta times");
        }
        Ok(())
    }
}

/// Reads `path` as a config of a kind and applies `overrides` (`key.path=value`).
pub(crate) fn read_as<T: DeserializeOwned>(path: &Path, overrides: &[String]) -> Result<T> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the config file: {}", path.display()))?;
    let config: T = toml::from_str(&text)
        .map_err(|error| anyhow!("{}", located(&error, &text, &path.display().to_string())))?;
    if overrides.is_empty() { Ok(config) } else { overridden(&text, overrides) }
}

/// The config with single keys replaced.
fn overridden<T: DeserializeOwned>(text: &str, overrides: &[String]) -> Result<T> {
    let mut table: toml::Table = toml::from_str(text)?;
    for assignment in overrides {
        let (key, value) = assignment
            .split_once('=')
            .ok_or_else(|| anyhow!("--set wants KEY=VALUE, found: {assignment}"))?;
        set(&mut table, key.trim(), parse_value(value.trim()))
            .with_context(|| format!("in --set {assignment}"))?;
    }
    let text = toml::to_string(&table)?;
    toml::from_str(&text).map_err(|error| anyhow!("{}", located(&error, &text, "the config after --set")))
}

/// A TOML value, or a bare word as a string.
fn parse_value(text: &str) -> toml::Value {
    toml::from_str::<toml::Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

fn set(table: &mut toml::Table, key: &str, value: toml::Value) -> Result<()> {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
            Ok(())
        }
        Some((head, rest)) => match table.get_mut(head) {
            Some(toml::Value::Table(inner)) => set(inner, rest, value),
            _ => bail!("there is no table [{head}] in the config"),
        },
    }
}

/// A parse error with file, line and, for an unknown name, the nearest known one.
fn located(error: &toml::de::Error, text: &str, file: &str) -> String {
    let message = error.message().lines().next().unwrap_or_default().to_owned();
    let names = backticked(&message);
    let unknown = message.starts_with("unknown").then(|| names.first().copied()).flatten();
    let line = unknown
        .and_then(|name| line_of_name(text, name))
        .or_else(|| error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1));
    let place = line.map_or_else(|| file.to_owned(), |line| format!("{file}, line {line}"));
    let hint = unknown
        .and_then(|name| nearest(name, &names[1..]))
        .map(|name| format!("\nhint: did you mean `{name}`?"))
        .unwrap_or_default();
    format!("{place}: {message}{hint}")
}

/// The names between backticks.
fn backticked(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

/// The first line on which `name` stands as a key, a table or a string.
fn line_of_name(text: &str, name: &str) -> Option<usize> {
    text.lines()
        .position(|line| {
            let code = line.split('#').next().unwrap_or_default();
            code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).any(|word| word == name)
        })
        .map(|index| index + 1)
}

/// The most similar of `known`, if any is similar at all.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|other| (strsim::jaro_winkler(name, other), *other))
        .filter(|(similarity, _)| *similarity > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_names_its_line_and_the_nearest_name() {
        let text = "name = \"x\"\nseeed = 1\n";
        let error = toml::from_str::<ExperimentConfig>(text).unwrap_err();
        let message = located(&error, text, "x.toml");
        assert!(message.contains("x.toml, line 2"), "{message}");
        assert!(message.contains("did you mean `seed`?"), "{message}");
    }

    #[test]
    fn a_bare_word_in_an_override_is_a_string() {
        assert_eq!(parse_value("linear"), toml::Value::String("linear".into()));
        assert_eq!(parse_value("3"), toml::Value::Integer(3));
        assert_eq!(parse_value("[1, 2]"), toml::Value::Array(vec![1.into(), 2.into()]));
    }
}

//! What a checkpoint says of its flow: all that is needed to use it, and nothing of how it was trained.

mod check;
mod ends;

use interflow_core::density::StandardNormal;
use interflow_core::interpolant::{Interpolant, InterpolantConfig};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{GivenSpace, Network, Space};
use interflow_data::Columns;
use interflow_models::{KnownCoordinates, ModelConfig, VelocityAndDenoiser};
use interflow_solvers::SolverConfig;
use interflow_train::{AxesKind, GaussianResidual, PreconditionConfig, PrincipalAxes};
use interflow_transport::{CouplingConfig, LearnablePath, PathFamily};
use serde::{Deserialize, Serialize};
use tch::Device;

pub use self::ends::{BaseManifest, ImageManifest, Pairing, TargetManifest};
use crate::base::{Base, BaseLaw, law};
use crate::config::ExperimentConfig;
use crate::divergence::DivergenceConfig;
use crate::error::{During as _, Error, Result, refuse};
use crate::precision::Precision;
use crate::target::Target;
use crate::threads::Threads;

/// A trained flow's description, which its checkpoint carries beside the weights.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// # use interflow_flow::{Experiment, ExperimentConfig};
/// # let moons = interflow_core::target::DensityConfig::TwoMoons {};
/// # let mut config = ExperimentConfig::synthetic("moons", moons);
/// # (config.train.steps, config.train.n_validation) = (2, 100);
/// # let flow = Experiment::new(config).train()?.flow();
/// use interflow_flow::FlowManifest;
///
/// let manifest = flow.manifest();
/// assert_eq!(manifest.space.dim, 2);
/// assert_eq!(&FlowManifest::from_toml(&manifest.to_toml()?)?, manifest);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowManifest {
    /// The name of the experiment that it comes from.
    pub name: String,
    /// The seed that it was trained with; without another one it draws samples and probes under this seed.
    pub seed: u64,
    /// The floating-point kind of its weights and points.
    pub precision: Precision,
    /// CPU threads of a tensor operation in training.
    pub threads: Threads,
    /// How points are paired in training: what of the base's law follows for scores.
    pub pairing: Pairing,
    /// Points that are integrated together.
    pub batch: i64,
    /// How divergences are computed.
    pub divergence: DivergenceConfig,
    /// The dimension of its states and what they are given.
    pub space: Space,
    /// The law of its base.
    pub base: BaseManifest,
    /// What its states are at t = 1.
    pub target: TargetManifest,
    /// The path, or where the learned one started.
    pub interpolant: InterpolantConfig,
    /// The family of its learned path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathFamily>,
    /// The velocity's network.
    pub model: ModelConfig,
    /// What the network corrects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precondition: Option<PreconditionConfig>,
    /// The denoiser's network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denoiser: Option<ModelConfig>,
    /// How it is integrated.
    pub solver: SolverConfig,
}

impl FlowManifest {
    /// The description of the flow that an experiment trains between these ends.
    pub fn of(config: &ExperimentConfig, base: &Base, target: &Target) -> Self {
        let space = target.space();
        let independent = matches!(config.coupling, CouplingConfig::Independent {});
        Self {
            name: config.name.clone(),
            seed: config.seed,
            precision: config.precision,
            threads: config.threads,
            pairing: if independent { Pairing::Independent } else { Pairing::Coupled },
            batch: config.evaluation.batch,
            divergence: config.evaluation.divergence(space.dim),
            space,
            base: BaseManifest::of(&config.base, base),
            target: TargetManifest::of(target),
            interpolant: config.interpolant,
            path: config.path.as_ref().map(|path| path.family.clone()),
            model: config.model.clone(),
            precondition: config.precondition,
            denoiser: config.denoiser.clone(),
            solver: config.solver.clone(),
        }
    }

    /// The description that a checkpoint carries as TOML.
    ///
    /// # Errors
    /// [`Error::Config`] naming line and key.
    pub fn from_toml(text: &str) -> Result<Self> {
        let manifest: Self = crate::config::parse(text, "the checkpoint's manifest", &[])?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The description as TOML.
    ///
    /// # Errors
    /// [`Error::Config`] if a value cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string_pretty(self).map_err(|error| Error::Config {
            place: "cannot write the manifest".to_owned(),
            problem: error.to_string(),
        })
    }

    /// What is known of the base's law.
    ///
    /// # Errors
    /// If the density has numbers out of range.
    pub fn base_law(&self) -> Result<BaseLaw> {
        let dim = self.space.dim;
        Ok(match &self.base {
            BaseManifest::StandardNormal {} => BaseLaw::Normal(StandardNormal { dim }),
            BaseManifest::Synthetic(config) => BaseLaw::Synthetic(law(config)?),
            BaseManifest::Data { .. } => BaseLaw::Data { dim },
        })
    }

    /// The base's columns, where it is a table.
    pub fn base_columns(&self) -> Option<&Columns> {
        match &self.base {
            BaseManifest::Data { columns } => columns.as_ref(),
            _ => None,
        }
    }

    /// A fresh network of this form. `axes` precondition it where that was asked for; where a checkpoint's numbers will take
    /// their place, none are given.
    ///
    /// # Errors
    /// A refusal of the network, with the table that describes it.
    pub fn network(&self, device: Device, axes: Option<&PrincipalAxes>) -> Result<Box<dyn Network>> {
        let options = (self.precision.kind(), device);
        let stream = Stream::new(self.seed, Purpose::Init);
        let mut velocity =
            self.model.init(self.network_space(), &mut stream.at(0), options).during("in [model]")?;
        if self.target.fill {
            if self.precondition.is_some() || self.denoiser.is_some() {
                return refuse(
                    "a flow that fills holes has neither [precondition] nor [denoiser]\nhint: target.fill = false",
                );
            }
            velocity = Box::new(KnownCoordinates::new(velocity));
        }
        if let Some(PreconditionConfig::Gaussian { axes: kind }) = self.precondition {
            let standard = || match (kind, &self.target.images) {
                (AxesKind::Cosine, Some(images)) => PrincipalAxes::standard_cosine(images.sides()),
                _ => PrincipalAxes::standard(self.space.dim),
            };
            let own = axes.is_none().then(standard);
            if let Some(axes) = axes.or(own.as_ref()) {
                velocity = Box::new(GaussianResidual::new(velocity, self.interpolant.build()?, axes)?);
            }
        }
        let Some(denoiser) = &self.denoiser else { return Ok(velocity) };
        let denoiser = denoiser.init(self.space, &mut stream.at(1), options).during("in [denoiser]")?;
        Ok(Box::new(VelocityAndDenoiser::new(velocity, denoiser)))
    }

    /// The points that the velocity's own network is for.
    pub(crate) fn network_space(&self) -> Space {
        match &self.target.columns {
            Some(columns) if self.target.fill => KnownCoordinates::inner_space(columns.space()),
            _ => self.space,
        }
    }

    /// A fresh path of the learned path's family, where there is one.
    ///
    /// # Errors
    /// A refusal of the family.
    pub fn fresh_path(&self, device: Device) -> Result<Option<LearnablePath>> {
        let Some(family) = &self.path else { return Ok(None) };
        let mut draw = Stream::new(self.seed, Purpose::Init).at(2);
        let options = (self.precision.kind(), device);
        Ok(Some(LearnablePath::new(family, &self.interpolant, self.space.dim, &mut draw, options)?))
    }

    /// The path that the velocity follows: the learned one, or the interpolant's.
    ///
    /// # Errors
    /// If the interpolant has numbers out of range.
    pub fn path_of(&self, learned: Option<&LearnablePath>) -> Result<Interpolant> {
        match learned {
            Some(path) => Ok(path.interpolant()),
            None => Ok(self.interpolant.build()?),
        }
    }

    /// How many classes the flow tells apart, 0 where it is given none.
    pub fn n_classes(&self) -> i64 {
        match self.space.given {
            GivenSpace::Class { n_classes } => n_classes,
            _ => 0,
        }
    }

    /// Refuses data that are not those that the flow was trained on, by the names and scales of their columns.
    ///
    /// # Errors
    /// [`Error::Refused`] if a name or a scale differs.
    pub fn check_same_data(&self, found: &Self) -> Result<()> {
        let same = |a: Option<&Columns>, b: Option<&Columns>| match (a, b) {
            (Some(a), Some(b)) => a.agrees_with(b),
            // Checkpoints of POWER had no columns once; they are still good.
            (None, _) => true,
            (Some(_), None) => false,
        };
        if same(self.base_columns(), found.base_columns())
            && same(self.target.columns.as_ref(), found.target.columns.as_ref())
        {
            return Ok(());
        }
        refuse(
            "the data are not those that the flow was trained on: names or scales of the columns differ\n\
             hint: has the file changed?",
        )
    }
}

//! The manifest of a checkpoint: all that is needed to use its flow, and nothing of how it was trained.

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

/// The description of a trained flow, which its checkpoint carries beside the weights.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// # use interflow_flow::{Experiment, ExperimentConfig};
/// # let moons = interflow_core::target::DensityConfig::TwoMoons {};
/// # let mut config = ExperimentConfig::synthetic("moons", moons);
/// # (config.train.steps, config.train.n_validation) = (2, 100);
/// # let flow = Experiment::new(config).train()?.into_flow();
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
    /// The name of the experiment that trained the flow.
    pub name: String,
    /// The seed of its training. Samples and probes are drawn under it unless another is given.
    pub seed: u64,
    /// The floating-point precision of its weights and points.
    pub precision: Precision,
    /// The CPU threads of each tensor operation during training.
    pub threads: Threads,
    /// Whether end points were paired independently in training: only then may the score follow from the velocity.
    pub pairing: Pairing,
    /// How many points are integrated together, in one batch.
    pub batch: i64,
    /// How the divergence of the velocity is computed for log-densities.
    pub divergence: DivergenceConfig,
    /// The dimension D of its points, and what it is given.
    pub space: Space,
    /// The law of its base.
    pub base: BaseManifest,
    /// What its states at t = 1 stand for.
    pub target: TargetManifest,
    /// The interpolant that it was trained on; if its path was learned, where learning started.
    pub interpolant: InterpolantConfig,
    /// The family of the learned path, if it was learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathFamily>,
    /// The velocity's network.
    pub model: ModelConfig,
    /// The closed-form velocity that the network corrects, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precondition: Option<PreconditionConfig>,
    /// The denoiser's network, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denoiser: Option<ModelConfig>,
    /// The solver that integrates the flow.
    pub solver: SolverConfig,
}

impl FlowManifest {
    /// The description of the flow that an experiment with this config trains between this base and this target.
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

    /// Reads the description from the TOML text that a checkpoint carries.
    ///
    /// # Errors
    /// [`Error::Config`] naming line and key; or a refusal of a description that contradicts itself.
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

    /// The base's columns, if the base is a table.
    pub fn base_columns(&self) -> Option<&Columns> {
        match &self.base {
            BaseManifest::Data { columns } => columns.as_ref(),
            _ => None,
        }
    }

    /// A network of this form with fresh weights. `axes` are those of the Gaussian that it corrects, if it does;
    /// leave them out where the weights of a checkpoint will replace them.
    ///
    /// # Errors
    /// A refusal of the network, with the name of the table that describes it.
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

    /// A path of the learned path's family with fresh weights; `None` if the path is not learned.
    ///
    /// # Errors
    /// If the family refuses its numbers.
    pub fn fresh_path(&self, device: Device) -> Result<Option<LearnablePath>> {
        let Some(family) = &self.path else { return Ok(None) };
        let mut draw = Stream::new(self.seed, Purpose::Init).at(2);
        let options = (self.precision.kind(), device);
        Ok(Some(LearnablePath::new(family, &self.interpolant, self.space.dim, &mut draw, options)?))
    }

    /// The path that the velocity belongs to: the learned one, if there is one, or else the interpolant's.
    ///
    /// # Errors
    /// If the numbers of the interpolant are out of range.
    pub fn path_of(&self, learned: Option<&LearnablePath>) -> Result<Interpolant> {
        match learned {
            Some(path) => Ok(path.interpolant()),
            None => Ok(self.interpolant.build()?),
        }
    }

    /// The number of classes that the flow tells apart; 0 if it is given none.
    pub fn n_classes(&self) -> i64 {
        match self.space.given {
            GivenSpace::Class { n_classes } => n_classes,
            _ => 0,
        }
    }

    /// Refuses data that differ from those that the flow was trained on, by the names and scales of their columns.
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

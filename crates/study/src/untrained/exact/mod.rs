//! The study `gmm-exact`: every sampler, and the likelihood, with the exact fields between Gaussian mixtures, without
//! training.

mod laws;
mod orders;

use anyhow::{Context as _, Result, bail};
use interflow_core::conversion::Conversion;
use interflow_core::density::{GaussianMixture, MixturePath, Sampler, StandardNormal};
use interflow_core::interpolant::InterpolantConfig;
use interflow_core::rng::{Purpose, Stream};
use interflow_flow::RunFolder;
use interflow_solvers::DiffusionShape;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::settings::{Head, Settings};
use crate::config_text::ConfigText;
use crate::findings::Findings;

/// The radius of the circle that the components' means lie about.
const RADIUS: f64 = 2.2;

/// The config of an experiment with exact fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExactExperiment {
    /// The experiment's name. Its run folders lie in a folder of this name.
    pub name: String,
    /// The seed of the mixtures, the samples and the noise.
    pub seed: u64,
    /// The number of CPU threads of each tensor operation.
    pub threads: u32,
    /// The interpolant between the mixtures.
    pub interpolant: InterpolantConfig,
    /// The settings of the measurements.
    pub study: ExactStudy,
}

/// The only kind of study that needs no training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ExactStudy {
    /// Exact fields between Gaussian mixtures.
    GmmExact(ExactConfig),
}

/// The settings of the measurements on the exact fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExactConfig {
    /// The dimensions D.
    pub dims: Vec<i64>,
    /// The number of samples whose moments are computed.
    pub n: i64,
    /// The number of samples on each side of a two-sample test.
    pub n_two_sample: i64,
    /// The strengths ε₀ of the noise.
    pub epsilons: Vec<f64>,
    /// How the strength of the noise varies in time.
    pub diffusion: DiffusionShape,
    /// The NFE of samplers with fixed steps.
    pub nfe: u32,
    /// The times at which log-densities are compared.
    pub times: Vec<f64>,
    /// The number of points at which they are compared.
    pub n_density: i64,
    /// The number of samples from which orders of convergence are estimated.
    pub n_order: i64,
}

/// An exact path, and how its noise gets its score.
struct Pair {
    /// What it is, for the tables.
    name: String,
    /// The base.
    rho0: GaussianMixture,
    /// The target.
    rho1: GaussianMixture,
    /// The path between them.
    path: MixturePath,
    /// The relation of score and velocity for a standard normal base.
    conversion: Conversion,
    /// Whether the base is not Gaussian, so that the score is a field of its own.
    known_score: bool,
}

impl ExactExperiment {
    /// The experiment that a config's text describes, checked, with another seed if there is one.
    pub(super) fn read(config: &ConfigText<'_>, settings: &Settings) -> Result<Self> {
        let mut experiment: Self = config.parse()?;
        experiment.seed = settings.seed.unwrap_or(experiment.seed);
        let ExactStudy::GmmExact(study) = &experiment.study;
        study.check().context("in [study]")?;
        Ok(experiment)
    }

    /// Measures, draws and reports; returns the run's folder and the findings.
    pub(super) fn run(&self, settings: &Settings) -> Result<(RunFolder, Findings)> {
        let ExactStudy::GmmExact(study) = &self.study;
        let head = Head { name: &self.name, seed: self.seed, threads: self.threads };
        let folder = settings.begin(&head, self)?;
        let mut findings = Findings::default();
        laws::run(study, (self, &settings.work), &folder, &mut findings)?;
        orders::run(study, (self, &settings.work), &folder, &mut findings)?;
        head.end(&folder, &findings)?;
        Ok((folder, findings))
    }

    /// Three components from a standard normal, whose score the velocity tells, and from a mixture of two.
    fn pairs(&self, dim: i64) -> Result<[Pair; 2]> {
        let origin = Tensor::zeros([1, dim], (Kind::Double, Device::Cpu));
        let normal = GaussianMixture::spherical(&origin, 1.0)?;
        let stream = Stream::new(self.seed, Purpose::Target);
        let target = mixture(&stream, 1, 3, dim)?;
        Ok([
            self.pair(format!("1 to 3, D = {dim}"), normal, target.clone())?,
            Pair {
                known_score: true,
                ..self.pair(format!("2 to 3, D = {dim}"), mixture(&stream, 0, 2, dim)?, target)?
            },
        ])
    }

    fn pair(&self, name: String, rho0: GaussianMixture, rho1: GaussianMixture) -> Result<Pair> {
        let path = MixturePath::new(&rho0, &rho1, self.interpolant.build()?)?;
        let conversion = Conversion::new(self.interpolant.build()?, StandardNormal { dim: rho0.dim() })?;
        Ok(Pair { name, rho0, rho1, path, conversion, known_score: false })
    }
}

impl ExactConfig {
    fn check(&self) -> Result<()> {
        for (name, value) in [
            ("n", self.n),
            ("n_two_sample", self.n_two_sample),
            ("n_density", self.n_density),
            ("n_order", self.n_order),
            ("nfe", i64::from(self.nfe)),
            ("each of dims", self.dims.iter().copied().min().unwrap_or(0)),
        ] {
            if value < 2 {
                bail!("{name} must be at least 2, found: {value}");
            }
        }
        if let Some(time) = self.times.iter().find(|time| !(0.0..=1.0).contains(*time)) {
            bail!("times lie in [0, 1], found: {time}");
        }
        Ok(())
    }
}

/// A mixture of `k` Gaussians around a circle in the first two coordinates, with random covariances of their own.
fn mixture(stream: &Stream, index: u64, k: i64, dim: i64) -> Result<GaussianMixture> {
    let mut draw = stream.at(index);
    let around = draw.normal(&[k, dim], Kind::Double) * 0.3;
    let angles = Tensor::arange(k, (Kind::Double, Device::Cpu)) * (std::f64::consts::TAU / k as f64);
    let circle = Tensor::stack(&[angles.cos(), angles.sin()], 1) * RADIUS;
    let means = around + circle.constant_pad_nd([0, dim - 2, 0, 0]);
    let factors = draw.normal(&[k, dim, dim], Kind::Double) * (0.4 / (dim as f64).sqrt());
    let narrow = Tensor::eye(dim, (Kind::Double, Device::Cpu)) * 0.2;
    let covariances = factors.matmul(&factors.transpose(1, 2)) + narrow;
    let weights: Vec<f64> = (0..k).map(|i| 1.0 + 0.5 * i as f64).collect();
    Ok(GaussianMixture::new(&weights, &means, &covariances)?)
}

//! Interpolants with parameters, which training can move.

use std::sync::Arc;

use interflow_core::interpolant::{Interpolant, InterpolantConfig};
use interflow_core::rng::Draw;
use interflow_core::{Parameters, memory};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::error::{Result, check_range};
use crate::fourier::{FourierLatent, FourierSchedule, Series};
use crate::network_correction::NetworkCorrection;

/// The family of paths among which the search goes, as written in a config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum PathFamily {
    /// Sine series that are added to α, β and, if the interpolant has a smooth latent, to γ (\[AV23\]).
    Fourier {
        /// The number of terms of each series; 7 by default.
        #[serde(default = "default_modes")]
        n_modes: i64,
    },
    /// A correction `t(1 − t) f(t, x0, x1)` of the path with a perceptron f.
    Network {
        /// The widths of its hidden layers; two of 64 by default.
        #[serde(default = "default_hidden")]
        hidden: Vec<i64>,
    },
}

/// The paper's number of terms.
fn default_modes() -> i64 {
    7
}

fn default_hidden() -> Vec<i64> {
    vec![64, 64]
}

impl PathFamily {
    /// Rejects sizes that make no sense.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] naming the size.
    pub fn check(&self) -> Result<()> {
        let allowed = |size: i64| (1..=1 << 20).contains(&size);
        match self {
            Self::Fourier { n_modes } => {
                check_range("n_modes", "from 1 to 2²⁰", *n_modes as f64, allowed(*n_modes))
            }
            Self::Network { hidden } => {
                check_range("hidden", "not empty", hidden.len() as f64, !hidden.is_empty())?;
                hidden.iter().try_for_each(|&width| {
                    check_range("each width in hidden", "from 1 to 2²⁰", width as f64, allowed(width))
                })
            }
        }
    }

    /// A lower bound on the number of scalar weights of a path between points of dimension `dim`.
    pub fn n_scalars(&self, dim: i64) -> f64 {
        match self {
            Self::Fourier { n_modes } => 2.0 * *n_modes as f64,
            Self::Network { hidden } => {
                let widths = || [2 * dim].into_iter().chain(hidden.iter().copied()).chain([dim]);
                widths().zip(widths().skip(1)).map(|(fan_in, width)| fan_in as f64 * width as f64).sum()
            }
        }
    }

    /// Whether paths of this family have the form `α x0 + β x1 + γ z` of an interpolant.
    pub fn keeps_form(&self) -> bool {
        matches!(self, Self::Fourier { .. })
    }
}

/// A path with parameters. It starts as the interpolant that it is made from.
#[derive(Debug)]
pub struct LearnablePath {
    family: PathFamily,
    base: Arc<Interpolant>,
    parameters: Parameters,
}

impl LearnablePath {
    /// The path of the interpolant `base` between points of dimension `dim`, with parameters of this kind on this
    /// device; `draw` gives the random weights of a network.
    ///
    /// # Errors
    /// If a size of the family or a number of the interpolant is out of range.
    pub fn new(
        family: &PathFamily,
        base: &InterpolantConfig,
        dim: i64,
        draw: &mut Draw,
        options: (Kind, Device),
    ) -> Result<Self> {
        family.check()?;
        let bytes = family.n_scalars(dim) * options.0.elt_size_in_bytes() as f64;
        memory::check("a path's network", bytes)?;
        let base = base.build()?;
        let mut parameters = Parameters::new();
        match family {
            PathFamily::Fourier { n_modes } => {
                let zeros = Tensor::zeros([*n_modes], options);
                let smooth = base.has_latent() && is_whole(base.regular_on());
                let names = if smooth { &["alpha", "beta", "gamma"][..] } else { &["alpha", "beta"] };
                for name in names {
                    let _ = parameters.add(*name, &zeros.copy());
                }
            }
            PathFamily::Network { hidden } => {
                NetworkCorrection::add_weights(&mut parameters, hidden, dim, draw, options);
            }
        }
        Ok(Self { family: family.clone(), base: Arc::new(base), parameters })
    }

    /// The path as an interpolant. It reads the parameters whenever it is used, so training moves it.
    pub fn interpolant(&self) -> Interpolant {
        let latent = || FourierLatent { base: self.base.clone(), gamma: self.series("gamma") };
        let (alpha, beta) = (self.series("alpha"), self.series("beta"));
        let path = match (alpha, beta) {
            (Some(alpha), Some(beta)) => {
                Interpolant::new(FourierSchedule { base: self.base.clone(), alpha, beta }, None)
            }
            _ => Interpolant::new(BaseSchedule(self.base.clone()), None)
                .corrected(NetworkCorrection::new(&self.parameters)),
        };
        if self.base.has_latent() { path.with_latent(latent()) } else { path }
    }

    /// The family.
    pub fn family(&self) -> &PathFamily {
        &self.family
    }

    /// The interpolant at which it started.
    pub fn base(&self) -> &Interpolant {
        &self.base
    }

    /// The parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The parameters, to be overwritten.
    pub fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    fn series(&self, name: &str) -> Option<Series> {
        self.parameters.iter().find(|(other, _)| *other == name).map(|(_, tensor)| Series::new(tensor))
    }
}

/// The schedule of an interpolant that is shared.
#[derive(Debug)]
struct BaseSchedule(Arc<Interpolant>);

impl interflow_core::interpolant::Schedule for BaseSchedule {
    fn coefficients(&self, t: &Tensor) -> interflow_core::interpolant::ScheduleCoefficients {
        self.0.schedule(t)
    }

    fn time_at(&self, alpha: &Tensor, beta: &Tensor) -> Tensor {
        self.0.time_at(alpha, beta)
    }
}

/// Whether an interval is all of [0, 1].
fn is_whole((first, last): (f64, f64)) -> bool {
    first <= 0.0 && last >= 1.0
}

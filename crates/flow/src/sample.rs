//! How samples are drawn, and what comes of it.

use interflow_core::guidance::Observation;
use interflow_core::interpolant::ScheduleKind;
use interflow_core::{Given, Points};
use tch::Tensor;

use crate::error::{Result, refuse};
use crate::path::NoiseConfig;

/// How samples are drawn. Everything is in the data's units; [`SampleOptions::default`] follows the flow's own path
/// without noise.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// # use interflow_flow::{Experiment, ExperimentConfig};
/// # let moons = interflow_core::target::DensityConfig::TwoMoons {};
/// # let mut config = ExperimentConfig::synthetic("moons", moons);
/// # (config.train.steps, config.train.n_validation) = (2, 100);
/// # let flow = Experiment::new(config).train()?.flow();
/// use interflow_core::interpolant::ScheduleKind;
/// use interflow_flow::SampleOptions;
///
/// let options = SampleOptions::default().seed(3).along(ScheduleKind::Linear);
/// let samples = flow.sample_with(10, &options)?;
/// // Sample i is a function of seed and i: the last five again.
/// let last = flow.sample_with(5, &options.first(5))?;
/// let gap = (samples.points.x.narrow(0, 5, 5) - last.points.x).abs().max();
/// assert!(gap.double_value(&[]) < 1e-4);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct SampleOptions {
    /// The number of the first sample: sample i is the same whatever the others are, but for rounding in batches of other
    /// sizes, which in single precision moves adaptive steps a little ([`interflow_solvers`] has the numbers).
    pub first: u64,
    /// The seed of base points and noise; the flow's own without it.
    pub seed: Option<u64>,
    /// What each sample is given, in the data's units: a row of numbers, or a class. Without it samples of a flow with
    /// classes take each class in turn.
    pub given: Given,
    /// Another interpolant to follow between the same ends.
    pub along: Option<ScheduleKind>,
    /// Noise, to follow the stochastic equation with the same marginals.
    pub noise: Option<NoiseConfig>,
    /// Coordinates that were observed with noise, in the data's units: samples are drawn given these, approximately.
    pub observed: Vec<Observation>,
    /// The weight of classifier-free guidance: 1 is the class-conditional flow, more exaggerates the class.
    pub guidance: Option<f64>,
    /// The calls of the network, for a flow map: each sample jumps to the target in so many jumps of equal length. Without it
    /// the flow's solver carries the samples.
    pub calls: Option<u32>,
    /// Whether samples come with their log-densities, which the same solve tells at the cost of its divergence.
    pub log_density: bool,
}

impl SampleOptions {
    /// The same under another seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// The same for samples that are given `given`, one row for each.
    #[must_use]
    pub fn given(self, given: Given) -> Self {
        Self { given, ..self }
    }

    /// The same by the stochastic equation.
    #[must_use]
    pub fn noise(self, noise: NoiseConfig) -> Self {
        Self { noise: Some(noise), ..self }
    }

    /// The same along another interpolant.
    #[must_use]
    pub fn along(self, schedule: ScheduleKind) -> Self {
        Self { along: Some(schedule), ..self }
    }

    /// The same in this many calls of a flow map.
    #[must_use]
    pub fn calls(self, calls: u32) -> Self {
        Self { calls: Some(calls), ..self }
    }

    /// The same with their log-densities.
    #[must_use]
    pub fn log_density(self) -> Self {
        Self { log_density: true, ..self }
    }

    /// Refuses log-densities of samples that are not along the flow itself.
    pub(crate) fn check_log_density(&self) -> Result<()> {
        self.check_calls()?;
        if self.calls.is_some() {
            return refuse(
                "samples of a flow map come without log-densities\nhint: ask for those of the samples",
            );
        }
        Ok(())
    }

    /// Refuses a number of calls beside what only a solver can do.
    pub(crate) fn check_calls(&self) -> Result<()> {
        let others = [
            ("another interpolant", self.along.is_some()),
            ("noise", self.noise.is_some()),
            ("observations", !self.observed.is_empty()),
            ("guidance", self.guidance.is_some()),
        ];
        match others.into_iter().find(|(_, asked)| *asked) {
            Some((other, _)) => refuse(format!(
                "calls of a flow map and log-densities are of the flow itself, not with {other}\nhint: leave one of the two out"
            )),
            None => Ok(()),
        }
    }

    /// The same from sample `first` on.
    #[must_use]
    pub fn first(self, first: u64) -> Self {
        Self { first, ..self }
    }

    /// The same given one more observed coordinate.
    #[must_use]
    pub fn observed(mut self, observation: Observation) -> Self {
        self.observed.push(observation);
        self
    }

    /// The same with classifier-free guidance of this weight.
    #[must_use]
    pub fn guidance(self, weight: f64) -> Self {
        Self { guidance: Some(weight), ..self }
    }
}

/// Samples in the data's units.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// # use interflow_flow::{Experiment, ExperimentConfig};
/// # let moons = interflow_core::target::DensityConfig::TwoMoons {};
/// # let mut config = ExperimentConfig::synthetic("moons", moons);
/// # (config.train.steps, config.train.n_validation) = (2, 100);
/// # let flow = Experiment::new(config).train()?.flow();
/// use interflow_flow::SampleOptions;
///
/// let samples = flow.sample_with(10, &SampleOptions::default())?;
/// println!("{:?} after {} network calls", samples.points.x.size(), samples.nfe);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Samples {
    /// The samples, `[N, D]`, and what they were given. Images are levels, whole numbers.
    pub points: Points,
    /// The largest number of network calls that a batch took.
    pub nfe: u64,
    /// Their log-densities in nats, `[N]`, where they were asked for: those that [`crate::Flow::log_density`] gives within the
    /// solver's tolerance, but for values that are cells, which count at the sample's place in its cell here.
    pub log_density: Option<Tensor>,
}
